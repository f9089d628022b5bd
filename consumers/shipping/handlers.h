/* The events that shipping handles, one file each. */
#ifndef WB_SHIPPING_HANDLERS_H
#define WB_SHIPPING_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

#define SHIPPING_HANDLERS(X)                                                   \
	X(on_payment_captured)                                                 \
	X(on_order_cancel_requested)

#define X(name) extern const struct wb_handler shipping_##name;
SHIPPING_HANDLERS(X)
#undef X

#endif
