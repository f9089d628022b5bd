/* The events that inventory handles, one file each. */
#ifndef WB_INVENTORY_HANDLERS_H
#define WB_INVENTORY_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

#define INVENTORY_HANDLERS(X)                                                  \
	X(on_product_upserted)                                                 \
	X(on_stock_received)                                                   \
	X(on_order_placed)                                                     \
	X(on_payment_declined)                                                 \
	X(on_payment_refunded)                                                 \
	X(on_payment_voided)                                                   \
	X(on_shipment_created)

#define X(name) extern const struct wb_handler inventory_##name;
INVENTORY_HANDLERS(X)
#undef X

#endif
