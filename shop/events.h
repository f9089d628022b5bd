/* The shop's catalogue of event types: name, type (= routing key), the
 * aggregate that it is about. schema/events/<type>.json describes its data. */
#ifndef WB_SHOP_EVENTS_H
#define WB_SHOP_EVENTS_H

#include <stddef.h>

#include "event/types.h"

#define SHOP_EVENT_TABLE(X)                                                    \
	X(product_upserted, "product.upserted.v1", "product")                  \
	X(stock_received, "stock.received.v1", "product")                      \
	X(customer_registered, "customer.registered.v1", "customer")           \
	X(order_placed, "order.placed.v1", "order")                            \
	X(stock_reserved, "stock.reserved.v1", "order")                        \
	X(stock_rejected, "stock.rejected.v1", "order")                        \
	X(payment_captured, "payment.captured.v1", "order")                    \
	X(payment_declined, "payment.declined.v1", "order")                    \
	X(shipment_created, "shipment.created.v1", "order")                    \
	X(shipment_failed, "shipment.failed.v1", "order")                      \
	X(order_cancel_requested, "order.cancel_requested.v1", "order")        \
	X(shipment_voided, "shipment.voided.v1", "order")                      \
	X(shipment_void_refused, "shipment.void_refused.v1", "order")          \
	X(payment_refunded, "payment.refunded.v1", "order")                    \
	X(payment_voided, "payment.voided.v1", "order")                        \
	X(stock_released, "stock.released.v1", "order")                        \
	X(order_confirmed, "order.confirmed.v1", "order")                      \
	X(order_rejected, "order.rejected.v1", "order")                        \
	X(order_cancelled, "order.cancelled.v1", "order")

#define X(name, type, aggregate) extern const struct wb_event_type shop_##name;
SHOP_EVENT_TABLE(X)
#undef X

/* All of them. */
extern const struct wb_event_type *const shop_events[];
extern const size_t shop_n_events;

#endif
