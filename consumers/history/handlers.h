/* The events that history handles: every order event, all in the same way. */
#ifndef WB_HISTORY_HANDLERS_H
#define WB_HISTORY_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

/* X(event, the status that it gives the order, or NULL) */
#define HISTORY_EVENTS(X)                                                      \
	X(order_placed, NULL)                                                  \
	X(stock_reserved, NULL)                                                \
	X(stock_rejected, NULL)                                                \
	X(payment_captured, NULL)                                              \
	X(payment_declined, NULL)                                              \
	X(shipment_created, NULL)                                              \
	X(shipment_failed, NULL)                                               \
	X(order_cancel_requested, NULL)                                        \
	X(shipment_voided, NULL)                                               \
	X(shipment_void_refused, NULL)                                         \
	X(payment_refunded, NULL)                                              \
	X(payment_voided, NULL)                                                \
	X(stock_released, NULL)                                                \
	X(order_confirmed, "CONFIRMED")                                        \
	X(order_rejected, "REJECTED")                                          \
	X(order_cancelled, "CANCELLED")

/* NULL-ended. */
extern const struct wb_handler *const history_handlers[];

#endif
