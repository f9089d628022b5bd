/* The events that payments handles, one file each. */
#ifndef WB_PAYMENTS_HANDLERS_H
#define WB_PAYMENTS_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

#define PAYMENTS_HANDLERS(X)                                                   \
	X(on_stock_reserved)                                                   \
	X(on_shipment_failed)                                                  \
	X(on_shipment_voided)

#define X(name) extern const struct wb_handler payments_##name;
PAYMENTS_HANDLERS(X)
#undef X

#endif
