/* One connection of a pool. Not for others than pool.c. */
#ifndef WB_PG_POOL_MEMBER_H
#define WB_PG_POOL_MEMBER_H

#include "pg/pg.h"

#define WB_PG_MEMBER_MAGIC 0x50474D42u

struct wb_pg_member {
	unsigned magic;
	struct wb_pg_pool *pool;
	struct wb_pg *pg;
};

/* Starts to connect; the argument of events is the member. */
void wb_pg_member_init(struct wb_pg_member *member, struct wb_pg_pool *pool,
                       struct wb_loop *loop, const struct wb_pg_params *params,
                       const char *application_name,
                       const struct wb_pg_events *events);
void wb_pg_member_fini(struct wb_pg_member *member);

#endif
