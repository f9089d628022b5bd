/* The catalogue of event types: name, type (= routing key), the aggregate that
 * it is about. schema/events/<type>.json describes its data. */
#ifndef WB_EVENT_TYPES_H
#define WB_EVENT_TYPES_H

#include "base/attr.h"

#define WB_EVENT_TABLE(X)                                                      \
	X(PRODUCT_UPSERTED, "product.upserted.v1", "product")                  \
	X(STOCK_RECEIVED, "stock.received.v1", "product")                      \
	X(CUSTOMER_REGISTERED, "customer.registered.v1", "customer")           \
	X(ORDER_PLACED, "order.placed.v1", "order")                            \
	X(STOCK_RESERVED, "stock.reserved.v1", "order")                        \
	X(STOCK_REJECTED, "stock.rejected.v1", "order")                        \
	X(PAYMENT_CAPTURED, "payment.captured.v1", "order")                    \
	X(PAYMENT_DECLINED, "payment.declined.v1", "order")                    \
	X(SHIPMENT_CREATED, "shipment.created.v1", "order")                    \
	X(SHIPMENT_FAILED, "shipment.failed.v1", "order")                      \
	X(ORDER_CANCEL_REQUESTED, "order.cancel_requested.v1", "order")        \
	X(SHIPMENT_VOIDED, "shipment.voided.v1", "order")                      \
	X(SHIPMENT_VOID_REFUSED, "shipment.void_refused.v1", "order")          \
	X(PAYMENT_REFUNDED, "payment.refunded.v1", "order")                    \
	X(PAYMENT_VOIDED, "payment.voided.v1", "order")                        \
	X(STOCK_RELEASED, "stock.released.v1", "order")                        \
	X(ORDER_CONFIRMED, "order.confirmed.v1", "order")                      \
	X(ORDER_REJECTED, "order.rejected.v1", "order")                        \
	X(ORDER_CANCELLED, "order.cancelled.v1", "order")

enum wb_event_type {
#define X(name, type, aggregate) WB_EV_##name,
	WB_EVENT_TABLE(X) WB_EV_COUNT,
#undef X
	WB_EV_UNKNOWN = WB_EV_COUNT,
};

/* "order.placed.v1". type < WB_EV_COUNT. */
const char *wb_event_type_text(enum wb_event_type type);

/* "order" */
const char *wb_event_aggregate(enum wb_event_type type);

/* WB_EV_UNKNOWN when it is not in the table. */
enum wb_event_type wb_event_type_parse(const char *text);

#endif
