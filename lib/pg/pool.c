/* Connections and the queue of those who wait for one. Everyone waits equally
 * long: the queue is in the order of its deadlines, and one timer serves it. */
#include "pg/pool.h"

#include "base/clock.h"
#include "base/health.h"
#include "base/mem.h"
#include "pg/pool_member.h"

#include <stdlib.h>

#define POOL_MAGIC 0x5047504Cu

struct waiter {
	struct waiter *next;
	wb_pg_pool_fn fn;
	void *arg;
	int64_t deadline_us;
};

struct wb_pg_pool {
	unsigned magic;
	struct wb_pg_pool_params limits;
	struct wb_pg_member *members; /* limits.size */
	struct waiter *first, **end;
	int64_t n_waiting;
	struct wb_timer timer; /* of the first waiter's deadline */
	struct wb_health *health;
};

static struct wb_pg *
find_idle(const struct wb_pg_pool *pool)
{
	for (int64_t i = 0; i < pool->limits.size; i++)
		if (wb_pg_is_idle(pool->members[i].pg))
			return pool->members[i].pg;
	return NULL;
}

/* Takes the waiter at *at out of the queue. */
static void
remove_waiter(struct wb_pg_pool *pool, struct waiter **at)
{
	struct waiter *waiter = *at;

	*at = waiter->next;
	if (waiter->next == NULL)
		pool->end = at;
	pool->n_waiting--;
	free(waiter);
}

static void
serve_first(struct wb_pg_pool *pool, struct wb_pg *pg)
{
	wb_pg_pool_fn fn = pool->first->fn;
	void *arg = pool->first->arg;

	remove_waiter(pool, &pool->first);
	fn(pg, arg);
	WB_ASSERT(pg == NULL || !wb_pg_is_idle(pg));
}

static void
dispatch(struct wb_pg_pool *pool)
{
	struct wb_pg *pg = NULL;

	while (pool->first != NULL && (pg = find_idle(pool)) != NULL)
		serve_first(pool, pg);
}

static void
arm_timer(struct wb_pg_pool *pool)
{
	int64_t left_us = 0;

	if (pool->first == NULL)
		return;
	left_us = pool->first->deadline_us - wb_mono_us();
	wb_timer_start_us(&pool->timer, left_us > 0 ? left_us : 0);
}

/* The timer is not stopped when its waiter has been served: it then finds
 * another first one, or nobody. */
static void
on_timer(void *arg)
{
	struct wb_pg_pool *pool = NULL;

	WB_CAST(pool, arg, POOL_MAGIC);
	while (pool->first != NULL && pool->first->deadline_us <= wb_mono_us())
		serve_first(pool, NULL);
	arm_timer(pool);
}

/* ---- what the connections tell ---- */

static void
on_ready(void *arg)
{
	struct wb_pg_member *member = NULL;

	WB_CAST(member, arg, WB_PG_MEMBER_MAGIC);
	wb_health_set(member->pool->health, true, "connected");
	dispatch(member->pool);
}

static void
on_idle(void *arg)
{
	struct wb_pg_member *member = NULL;

	WB_CAST(member, arg, WB_PG_MEMBER_MAGIC);
	dispatch(member->pool);
}

static void
on_lost(void *arg, const char *why)
{
	struct wb_pg_member *member = NULL;

	WB_CAST(member, arg, WB_PG_MEMBER_MAGIC);
	if (!wb_pg_pool_is_ready(member->pool))
		wb_health_set(member->pool->health, false, "%s", why);
}

/* ---- life ---- */

void
wb_pg_pool_free(struct wb_pg_pool *pool)
{
	if (pool == NULL)
		return;
	for (int64_t i = 0; i < pool->limits.size; i++)
		wb_pg_member_fini(&pool->members[i]);
	while (pool->first != NULL)
		remove_waiter(pool, &pool->first);
	wb_timer_fini(&pool->timer);
	free(pool->members);
	pool->magic = 0;
	free(pool);
}

struct wb_pg_pool *
wb_pg_pool_new(struct wb_loop *loop, const struct wb_pg_params *params,
               const struct wb_pg_pool_params *limits,
               const char *application_name)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_idle = on_idle,
		.on_lost = on_lost,
	};
	struct wb_pg_pool *pool = wb_zalloc(sizeof(*pool));

	pool->magic = POOL_MAGIC;
	pool->limits = *limits;
	pool->end = &pool->first;
	pool->health = wb_health("postgres");
	wb_timer_init(&pool->timer, loop, on_timer, pool);
	pool->members =
	    wb_zalloc((size_t)limits->size * sizeof(*pool->members));
	for (int64_t i = 0; i < limits->size; i++)
		wb_pg_member_init(&pool->members[i], pool, loop, params,
		                  application_name, &events);
	return pool;
}

/* ---- taking ---- */

void
wb_pg_pool_take(struct wb_pg_pool *pool, wb_pg_pool_fn fn, void *arg)
{
	struct wb_pg *pg = pool->first == NULL ? find_idle(pool) : NULL;
	struct waiter *waiter = NULL;

	if (pg != NULL || pool->n_waiting >= pool->limits.max_waiting) {
		fn(pg, arg);
		return;
	}
	waiter = wb_zalloc(sizeof(*waiter));
	waiter->fn = fn;
	waiter->arg = arg;
	waiter->deadline_us =
	    wb_mono_us() + pool->limits.max_wait_ms * INT64_C(1000);
	*pool->end = waiter;
	pool->end = &waiter->next;
	pool->n_waiting++;
	if (!wb_timer_is_pending(&pool->timer))
		arm_timer(pool);
}

void
wb_pg_pool_forget(struct wb_pg_pool *pool, void *arg)
{
	struct waiter **at = &pool->first;

	while (*at != NULL) {
		if ((*at)->arg == arg)
			remove_waiter(pool, at);
		else
			at = &(*at)->next;
	}
}

bool
wb_pg_pool_is_ready(const struct wb_pg_pool *pool)
{
	for (int64_t i = 0; i < pool->limits.size; i++)
		if (wb_pg_is_ready(pool->members[i].pg))
			return true;
	return false;
}
