/* The broker's topology, in one place: an exchange, a queue and a dead-letter
 * queue per consumer, and which event types each consumer gets. Whoever adds a
 * consumer or an event adds rows here, then runs `waybill topology apply`. */
#ifndef WB_CLI_TOPOLOGY_TABLE_H
#define WB_CLI_TOPOLOGY_TABLE_H

#define TOPOLOGY_EXCHANGE      "waybill.events"
#define TOPOLOGY_EXCHANGE_TYPE "direct" /* routing keys are exact types */

/* The process that alone publishes. */
#define TOPOLOGY_RELAY "relay"

/* The backstop against a message that takes its consumer down before that can
 * mark it. High: lost connections count for every message in hand. */
#define TOPOLOGY_DELIVERY_LIMIT 100

/* X(consumer): the queues <consumer> and <consumer>.dlq, the broker user
 * <consumer>. */
#define TOPOLOGY_CONSUMERS(X)                                                  \
	X(orders)                                                              \
	X(inventory) X(payments) X(shipping) X(history) X(notifications)

/* X(consumer, event of shop/events.h) */
#define TOPOLOGY_BINDINGS(X)                                                   \
	X(orders, product_upserted)                                            \
	X(orders, customer_registered)                                         \
	X(orders, shipment_created)                                            \
	X(orders, shipment_void_refused)                                       \
	X(orders, stock_rejected)                                              \
	X(orders, stock_released)                                              \
	X(inventory, product_upserted)                                         \
	X(inventory, stock_received)                                           \
	X(inventory, order_placed)                                             \
	X(inventory, payment_declined)                                         \
	X(inventory, payment_refunded)                                         \
	X(inventory, payment_voided)                                           \
	X(inventory, shipment_created)                                         \
	X(payments, stock_reserved)                                            \
	X(payments, shipment_failed)                                           \
	X(payments, shipment_voided)                                           \
	X(shipping, payment_captured)                                          \
	X(shipping, order_cancel_requested)                                    \
	X(history, order_placed)                                               \
	X(history, order_cancel_requested)                                     \
	X(history, order_confirmed)                                            \
	X(history, order_rejected)                                             \
	X(history, order_cancelled)                                            \
	X(history, stock_reserved)                                             \
	X(history, stock_rejected)                                             \
	X(history, stock_released)                                             \
	X(history, payment_captured)                                           \
	X(history, payment_declined)                                           \
	X(history, payment_refunded)                                           \
	X(history, payment_voided)                                             \
	X(history, shipment_created)                                           \
	X(history, shipment_failed)                                            \
	X(history, shipment_voided)                                            \
	X(history, shipment_void_refused)                                      \
	X(notifications, customer_registered)                                  \
	X(notifications, order_confirmed)                                      \
	X(notifications, order_rejected)                                       \
	X(notifications, order_cancelled)

#endif
