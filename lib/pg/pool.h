/* A few connections shared by many requests: each takes an idle one for one
 * transaction, or waits for it in a bounded queue. */
#ifndef WB_PG_POOL_H
#define WB_PG_POOL_H

#include "pg/pg.h"

struct wb_pg_pool;

/* Filled from wb_pg_pool_params_table. */
struct wb_pg_pool_params {
	int64_t size;        /* connections */
	int64_t max_waiting; /* requests */
	int64_t max_wait_ms;
};

extern const struct wb_param wb_pg_pool_params_table[];
extern const size_t wb_pg_pool_params_count;

void wb_pg_pool_free(struct wb_pg_pool *pool); /* no callbacks */

/* Connects all of them. Registers the health entry "postgres": ready while at
 * least one connection is. params must outlive the pool; limits are copied. */
struct wb_pg_pool *wb_pg_pool_new(struct wb_loop *loop,
                                  const struct wb_pg_params *params,
                                  const struct wb_pg_pool_params *limits,
                                  const char *application_name)
    WB_OWNED_BY(wb_pg_pool_free);

/* pg is idle: begin a transaction or query on it before returning. NULL: there
 * was none in time, or too many wait already (answer 503). */
typedef void (*wb_pg_pool_fn)(struct wb_pg *pg, void *arg);

/* fn is called exactly once, now or later; those who wait are served in order.
 * Call it from the loop, not from within fn. */
void wb_pg_pool_take(struct wb_pg_pool *pool, wb_pg_pool_fn fn, void *arg);

/* Gives up waiting (the client has gone): fn will not be called. */
void wb_pg_pool_forget(struct wb_pg_pool *pool, void *arg);

bool wb_pg_pool_is_ready(const struct wb_pg_pool *pool);

#endif
