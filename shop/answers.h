/* Who answers which event of an order's saga, and with what: one row per event
 * that a handler may emit. Handlers say the same in their `emits`; here it is
 * said for those who look at the saga from outside. A unit test compares the
 * two. */
#ifndef WB_SHOP_ANSWERS_H
#define WB_SHOP_ANSWERS_H

/* X(consumer, event that it handles, event that it may answer with), events as
 * in events.h. payments answers later: its handlers record a wish, and the
 * charger tells the outcome. */
#define SHOP_ANSWERS(X)                                                        \
	X(inventory, order_placed, stock_reserved)                             \
	X(inventory, order_placed, stock_rejected)                             \
	X(inventory, order_placed, stock_released)                             \
	X(inventory, payment_declined, stock_released)                         \
	X(inventory, payment_declined, stock_rejected)                         \
	X(inventory, payment_refunded, stock_released)                         \
	X(inventory, payment_refunded, stock_rejected)                         \
	X(inventory, payment_voided, stock_released)                           \
	X(inventory, payment_voided, stock_rejected)                           \
	X(payments, stock_reserved, payment_captured)                          \
	X(payments, stock_reserved, payment_declined)                          \
	X(payments, stock_reserved, payment_voided)                            \
	X(payments, stock_reserved, payment_refunded)                          \
	X(payments, shipment_failed, payment_declined)                         \
	X(payments, shipment_failed, payment_voided)                           \
	X(payments, shipment_failed, payment_refunded)                         \
	X(payments, shipment_voided, payment_declined)                         \
	X(payments, shipment_voided, payment_voided)                           \
	X(payments, shipment_voided, payment_refunded)                         \
	X(shipping, payment_captured, shipment_created)                        \
	X(shipping, payment_captured, shipment_failed)                         \
	X(shipping, payment_captured, shipment_voided)                         \
	X(shipping, order_cancel_requested, shipment_voided)                   \
	X(shipping, order_cancel_requested, shipment_void_refused)             \
	X(orders, shipment_created, order_confirmed)                           \
	X(orders, shipment_void_refused, order_confirmed)                      \
	X(orders, stock_rejected, order_rejected)                              \
	X(orders, stock_released, order_cancelled)

#endif
