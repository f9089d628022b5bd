/* The events that notifications handles, one file each. */
#ifndef WB_NOTIFICATIONS_HANDLERS_H
#define WB_NOTIFICATIONS_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

#define NOTIFICATIONS_HANDLERS(X)                                              \
	X(on_customer_registered)                                              \
	X(on_order_confirmed)                                                  \
	X(on_order_rejected)                                                   \
	X(on_order_cancelled)

#define X(name) extern const struct wb_handler notifications_##name;
NOTIFICATIONS_HANDLERS(X)
#undef X

#endif
