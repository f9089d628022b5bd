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

/* X(consumer, event of event/types.h) */
#define TOPOLOGY_BINDINGS(X)                                                   \
	X(orders, PRODUCT_UPSERTED)                                            \
	X(orders, CUSTOMER_REGISTERED)                                         \
	X(orders, SHIPMENT_CREATED)                                            \
	X(orders, SHIPMENT_VOID_REFUSED)                                       \
	X(orders, STOCK_REJECTED)                                              \
	X(orders, STOCK_RELEASED)                                              \
	X(inventory, PRODUCT_UPSERTED)                                         \
	X(inventory, STOCK_RECEIVED)                                           \
	X(inventory, ORDER_PLACED)                                             \
	X(inventory, PAYMENT_DECLINED)                                         \
	X(inventory, PAYMENT_REFUNDED)                                         \
	X(inventory, PAYMENT_VOIDED)                                           \
	X(inventory, SHIPMENT_CREATED)                                         \
	X(payments, STOCK_RESERVED)                                            \
	X(payments, SHIPMENT_FAILED)                                           \
	X(payments, SHIPMENT_VOIDED)                                           \
	X(shipping, PAYMENT_CAPTURED)                                          \
	X(shipping, ORDER_CANCEL_REQUESTED)                                    \
	X(history, ORDER_PLACED)                                               \
	X(history, ORDER_CANCEL_REQUESTED)                                     \
	X(history, ORDER_CONFIRMED)                                            \
	X(history, ORDER_REJECTED)                                             \
	X(history, ORDER_CANCELLED)                                            \
	X(history, STOCK_RESERVED)                                             \
	X(history, STOCK_REJECTED)                                             \
	X(history, STOCK_RELEASED)                                             \
	X(history, PAYMENT_CAPTURED)                                           \
	X(history, PAYMENT_DECLINED)                                           \
	X(history, PAYMENT_REFUNDED)                                           \
	X(history, PAYMENT_VOIDED)                                             \
	X(history, SHIPMENT_CREATED)                                           \
	X(history, SHIPMENT_FAILED)                                            \
	X(history, SHIPMENT_VOIDED)                                            \
	X(history, SHIPMENT_VOID_REFUSED)                                      \
	X(notifications, CUSTOMER_REGISTERED)                                  \
	X(notifications, ORDER_CONFIRMED)                                      \
	X(notifications, ORDER_REJECTED)                                       \
	X(notifications, ORDER_CANCELLED)

#endif
