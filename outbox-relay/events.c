/* Claiming events: lock lanes, then read their events in a second statement,
 * whose snapshot is later than the locks. */
#include "claim.h"

#include "base/attr.h"
#include "base/clock.h"
#include "message.h"
#include "sql.h"

static void
on_events(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;

	for (size_t i = 0; i < wb_pg_rows(result); i++)
		message_of_event(claim, result, i);
	claim->on_read(claim->arg);
}

/* A full batch is shared evenly by its lanes. */
static int64_t
rows_per_lane(const struct claim *claim, size_t n_lanes)
{
	int64_t n = 0;

	WB_ASSERT(n_lanes > 0);
	n = claim->params->batch_events / (int64_t)n_lanes;
	return n > 0 ? n : 1;
}

static void
read_events(struct claim *claim, const struct wb_pg_result *lanes)
{
	size_t n_lanes = wb_pg_rows(lanes);
	size_t array;

	wb_pg_args_clear(claim->args);
	array = wb_pg_arg_array(claim->args, WB_PG_INT4);
	for (size_t i = 0; i < n_lanes; i++)
		wb_pg_elem_i32(claim->args, array,
		               (int32_t)wb_pg_i64(lanes, i, 0));
	wb_pg_arg_i64(claim->args, claim->floor_at);
	wb_pg_arg_i64(claim->args, rows_per_lane(claim, n_lanes));
	wb_pg_arg_i64(claim->args, claim->params->batch_events);
	wb_pg_arg_i64(claim->args, (int64_t)*claim->max_message_bytes);
	wb_pg_arg_i64(claim->args, claim->params->batch_bytes);
	wb_tx_query(claim->tx, &sql_read_events, claim->args, on_events, claim);
	wb_tx_flush(claim->tx);
}

static void
on_lanes(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;
	int64_t oldest, now_us = wb_mono_us();

	if (claim->n_swept > 0)
		sweep_took(claim->sweep, claim->n_swept,
		           now_us - claim->started_us, now_us);
	if (wb_pg_rows(result) == 0) {
		claim->on_read(claim->arg);
		return;
	}
	oldest = wb_pg_i64(result, 0, 2);
	if (oldest < claim->floor_at) {
		/* It committed late, or was refused and is due again. */
		floor_take_back(claim->floor, oldest);
		claim->floor_at = oldest;
	} else {
		floor_seen(claim->floor, claim->started_us, oldest);
	}
	read_events(claim, result);
}

static void
start_events(struct claim *claim, struct wb_tx *tx)
{
	int32_t lanes[SWEEP_AT_ONCE];
	size_t array;

	claim->tx = tx;
	claim->started_us = wb_mono_us();
	claim->floor_at = floor_get(claim->floor, claim->started_us);
	wb_pg_args_clear(claim->args);
	wb_pg_arg_i64(claim->args, claim->floor_at);
	wb_pg_arg_i64(claim->args, claim->params->lanes_per_batch);
	array = wb_pg_arg_array(claim->args, WB_PG_INT4);
	claim->n_swept = sweep_take(claim->sweep, claim->started_us, lanes);
	for (size_t i = 0; i < claim->n_swept; i++)
		wb_pg_elem_i32(claim->args, array, lanes[i]);
	wb_tx_query(tx, &sql_lock_lanes, claim->args, on_lanes, claim);
	wb_tx_flush(tx);
}

const struct slot_kind kind_events = {
	.name = "events",
	.metric = "wb_relay_events_total",
	.help = "events by what became of them",
	.start = start_events,
	.mark = &sql_mark_events,
	.refuse = &sql_refuse_events,
};
