/* The handlers of the consumer engine's tests. */
#ifndef WB_TESTS_CONSUMER_HANDLERS_H
#define WB_TESTS_CONSUMER_HANDLERS_H

#include "saga/handler.h"

/* order.placed and stock.received; ended by NULL. */
extern const struct wb_handler *const wb_test_handlers[];

/* Their tables and the function that acts as the message's mode says. */
extern const char wb_test_handlers_sql[];

#endif
