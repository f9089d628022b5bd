/* The parameters of accept.c; not for others. */
#ifndef WB_ORDERS_ACCEPT_PARAMS_H
#define WB_ORDERS_ACCEPT_PARAMS_H

#include "accept.h"

#include <stddef.h>

struct accept_params {
	int64_t connections;
	int64_t batch_orders, batch_bytes;
	int64_t waiting; /* orders */
	int64_t wait_ms;
	int64_t lookup_wait_ms;
	int64_t order_deadline_ms;
};

/* Filled before accept_start. */
extern struct accept_params accept_params;

#endif
