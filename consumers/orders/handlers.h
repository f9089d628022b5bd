/* The events that orders handles, one file each. */
#ifndef WB_ORDERS_HANDLERS_H
#define WB_ORDERS_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

#define ORDERS_HANDLERS(X)                                                     \
	X(on_product_upserted)                                                 \
	X(on_customer_registered)                                              \
	X(on_shipment_created)                                                 \
	X(on_shipment_void_refused)                                            \
	X(on_stock_rejected)                                                   \
	X(on_stock_released)

#define X(name) extern const struct wb_handler orders_##name;
ORDERS_HANDLERS(X)
#undef X

#endif
