/* Refusing orders while those before them don't get on: when the oldest event
 * in the outbox is too old, more orders would only wait behind it. (accept.c
 * has the limits of what waits to be stored.) One per process. */
#ifndef WB_ORDERS_OVERLOAD_H
#define WB_ORDERS_OVERLOAD_H

#include "base/params.h"
#include "http/server.h"
#include "service/db_call.h"

extern const struct wb_param_set overload_param_set;

void overload_start(struct wb_loop *loop, struct wb_db *db);
void overload_stop(void); /* also after no start */

/* True: answered with 503 and Retry-After. */
bool overload_refuses(struct wb_http_request *request) WB_MUST_USE;

#endif
