/* A request that is answered when its order has ended, or after a while. */
#ifndef WB_ORDERS_AWAIT_ORDER_H
#define WB_ORDERS_AWAIT_ORDER_H

#include "base/uuid.h"
#include "http/server.h"
#include "pg/pg.h"

/* Seconds that the request wants to wait (Prefer: wait=N) and may: 0 = none. */
int64_t await_wanted_s(const struct wb_http_request *request);

/* Answers. result: the order's row with ORDER_COLUMNS, or NULL: it has not
 * ended. */
typedef void (*await_fn)(struct wb_http_request *request,
                         const struct wb_uuid *id,
                         const struct wb_pg_result *result, size_t row,
                         void *arg);

/* version: of the order as it was seen last, pending. fn is called once, unless
 * the client goes: then, or after the call, free_arg (NULL = nothing). */
struct await {
	struct wb_uuid order_id;
	int64_t version;
	int64_t wait_s;
	await_fn fn;
	void (*free_arg)(void *arg);
	void *arg;
};
void await_order(struct wb_http_request *request, const struct await *await);

#endif
