/* Purging: between two waves, now and then, a slice of the inbox is looked
 * through for rows that are old enough to be forgotten. A pass over the whole
 * inbox is many slices, then there is a pause. */
#include "saga/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "pg/pg.h"

/* Between two slices of a pass. */
enum { PACE_MS = 100 };

static const struct wb_pg_stmt forget = {
	.name = "consumer_inbox_forget",
	.sql = "SELECT inbox_forget($1::int, $2::bigint)",
};

static void
on_timer(void *arg)
{
	wb_consumer_kick(arg);
}

void
wb_purge_init(struct wb_consumer *c)
{
	wb_timer_init(&c->purge.timer, c->loop, on_timer, c);
	wb_timer_start_ms(&c->purge.timer, 0);
}

void
wb_purge_fini(struct wb_consumer *c)
{
	wb_timer_fini(&c->purge.timer);
}

bool
wb_purge_is_due(const struct wb_consumer *c)
{
	return wb_mono_us() >= c->purge.due_us;
}

static void
on_forgotten(const struct wb_pg_result *result, void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	c->purge.from_block = wb_pg_i64(result, 0, 0);
}

/* What failed is done again, with the pause of a pass: nothing hurries. */
static void
on_purged(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_consumer *c;
	int64_t wait_ms;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	if (outcome->end != WB_TX_COMMITTED)
		wb_log_warn(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		            outcome->stmt, outcome->sqlstate, outcome->message);
	wait_ms = outcome->end == WB_TX_COMMITTED && c->purge.from_block > 0
	              ? PACE_MS
	              : c->params->purge_interval_ms;
	c->purge.due_us = wb_mono_us() + wait_ms * 1000;
	wb_timer_start_ms(&c->purge.timer, wait_ms);
	wb_consumer_enter(c, c->is_draining ? WB_CONSUMER_STOPPED
	                                    : WB_CONSUMER_IDLE);
}

enum wb_consumer_state
wb_purge_start(struct wb_consumer *c)
{
	struct wb_tx *tx;

	wb_pg_args_clear(c->args);
	wb_pg_arg_i32(c->args, (int32_t)c->params->inbox_keep_days);
	wb_pg_arg_i64(c->args, c->purge.from_block);
	tx = wb_tx_begin(c->pg, on_purged, c);
	wb_tx_query(tx, &forget, c->args, on_forgotten, c);
	wb_tx_commit(tx);
	return WB_CONSUMER_STAY;
}
