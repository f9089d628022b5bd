/* The events that history handles: every order event, all in the same way. */
#ifndef WB_HISTORY_HANDLERS_H
#define WB_HISTORY_HANDLERS_H

#include "saga/handler.h"

/* X(event, the status that it gives the order, or NULL) */
#define HISTORY_EVENTS(X)                                                      \
	X(ORDER_PLACED, NULL)                                                  \
	X(STOCK_RESERVED, NULL)                                                \
	X(STOCK_REJECTED, NULL)                                                \
	X(PAYMENT_CAPTURED, NULL)                                              \
	X(PAYMENT_DECLINED, NULL)                                              \
	X(SHIPMENT_CREATED, NULL)                                              \
	X(SHIPMENT_FAILED, NULL)                                               \
	X(ORDER_CANCEL_REQUESTED, NULL)                                        \
	X(SHIPMENT_VOIDED, NULL)                                               \
	X(SHIPMENT_VOID_REFUSED, NULL)                                         \
	X(PAYMENT_REFUNDED, NULL)                                              \
	X(PAYMENT_VOIDED, NULL)                                                \
	X(STOCK_RELEASED, NULL)                                                \
	X(ORDER_CONFIRMED, "CONFIRMED")                                        \
	X(ORDER_REJECTED, "REJECTED")                                          \
	X(ORDER_CANCELLED, "CANCELLED")

/* NULL-ended. */
extern const struct wb_handler *const history_handlers[];

#endif
