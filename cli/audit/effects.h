/* What handling an event leaves behind, where that is exactly one thing: the
 * ledger against which the inbox is checked. */
#ifndef WB_CLI_AUDIT_EFFECTS_H
#define WB_CLI_AUDIT_EFFECTS_H

/* X(consumer, event of shop/events.h, effect)
 *
 *   mark    one row of the consumer's tables names the event as its cause
 *   answer  one event of its outbox was caused by it
 *
 * Where there is no row, handling it may also change nothing (an order that has
 * ended, a wish that was recorded before). More than one of either is always
 * one too many. */
#define AUDIT_EFFECTS(X)                                                       \
	X(inventory, stock_received, mark)                                     \
	X(inventory, order_placed, answer)                                     \
	X(inventory, payment_declined, answer)                                 \
	X(inventory, payment_refunded, answer)                                 \
	X(inventory, payment_voided, answer)                                   \
	X(shipping, payment_captured, answer)                                  \
	X(shipping, order_cancel_requested, answer)                            \
	X(history, order_placed, mark)                                         \
	X(history, order_cancel_requested, mark)                               \
	X(history, order_confirmed, mark)                                      \
	X(history, order_rejected, mark)                                       \
	X(history, order_cancelled, mark)                                      \
	X(history, stock_reserved, mark)                                       \
	X(history, stock_rejected, mark)                                       \
	X(history, stock_released, mark)                                       \
	X(history, payment_captured, mark)                                     \
	X(history, payment_declined, mark)                                     \
	X(history, payment_refunded, mark)                                     \
	X(history, payment_voided, mark)                                       \
	X(history, shipment_created, mark)                                     \
	X(history, shipment_failed, mark)                                      \
	X(history, shipment_voided, mark)                                      \
	X(history, shipment_void_refused, mark)                                \
	X(notifications, order_confirmed, mark)                                \
	X(notifications, order_rejected, mark)                                 \
	X(notifications, order_cancelled, mark)

/* X(consumer, SELECT of the events that its tables name as causes) */
#define AUDIT_MARKS(X)                                                         \
	X(orders, "SELECT ended_by FROM orders WHERE ended_by IS NOT NULL")    \
	X(inventory, "SELECT event_id FROM stock_receipts"                     \
	             " UNION ALL SELECT reserved_by FROM reservations"         \
	             " WHERE reserved_by IS NOT NULL"                          \
	             " UNION ALL SELECT ended_by FROM reservations"            \
	             " WHERE ended_by IS NOT NULL")                            \
	X(payments, "SELECT caused_by FROM payments")                          \
	X(shipping, "SELECT decided_by FROM shipments")                        \
	X(history, "SELECT event_id FROM order_events")                        \
	X(notifications, "SELECT event_id FROM mails")

#endif
