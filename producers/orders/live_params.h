/* The parameters of those who wait for orders to move on; not for others than
 * waiters.c, await_order.c, get_order.c and order_events.c. */
#ifndef WB_ORDERS_LIVE_PARAMS_H
#define WB_ORDERS_LIVE_PARAMS_H

#include "base/params.h"

#include <stdint.h>

struct live_params {
	int64_t poll_ms;
	int64_t max_waiting; /* requests */
	int64_t max_wait_s;
	int64_t heartbeat_ms;
};

/* Filled before waiters_start. */
extern struct live_params live_params;

extern const struct wb_param_set live_param_set;

#endif
