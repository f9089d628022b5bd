/* In a file of its own, because gcc's analyzer (12) loses a connection that is
 * made in a loop and so takes it for a leak. */
#include "pg/pool_member.h"

void
wb_pg_member_init(struct wb_pg_member *member, struct wb_pg_pool *pool,
                  struct wb_loop *loop, const struct wb_pg_params *params,
                  const char *application_name,
                  const struct wb_pg_events *events)
{
	member->magic = WB_PG_MEMBER_MAGIC;
	member->pool = pool;
	member->pg = wb_pg_new(loop, params, application_name, events, member);
	wb_pg_pin_plans(member->pg);
}

void
wb_pg_member_fini(struct wb_pg_member *member)
{
	wb_pg_free(member->pg);
	member->pg = NULL;
	member->magic = 0;
}
