/* The events that history handles: every order event, all in the same way. */
#ifndef WB_HISTORY_HANDLERS_H
#define WB_HISTORY_HANDLERS_H

#include "saga/handler.h"
#include "shop/events.h"

/* X(event of shop/events.h). What it does to the order's status is the
 * projection's business: schema/history/004_project.sql. */
#define HISTORY_EVENTS(X)                                                      \
	X(order_placed)                                                        \
	X(stock_reserved)                                                      \
	X(stock_rejected)                                                      \
	X(payment_captured)                                                    \
	X(payment_declined)                                                    \
	X(shipment_created)                                                    \
	X(shipment_failed)                                                     \
	X(order_cancel_requested)                                              \
	X(shipment_voided)                                                     \
	X(shipment_void_refused)                                               \
	X(payment_refunded)                                                    \
	X(payment_voided)                                                      \
	X(stock_released)                                                      \
	X(order_confirmed)                                                     \
	X(order_rejected)                                                      \
	X(order_cancelled)

/* NULL-ended. */
extern const struct wb_handler *const history_handlers[];

#endif
