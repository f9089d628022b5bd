/* Claiming events: lock lanes, then read their cursors and events in a second
 * statement, whose snapshot is later than the locks. */
#include "claim.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/clock.h"
#include "hold.h"
#include "message.h"
#include "order.h"
#include "sql.h"

static struct cursor *
cursor_of(struct claim *claim, const struct wb_pg_result *result, size_t at)
{
	int64_t lane = wb_pg_i64(result, at, EVENT_LANE);
	size_t i = 0;

	while (i < claim->n_cursors && claim->cursors[i].lane != lane)
		i++;
	WB_ASSERT(i < claim->n_cursors); /* else its lane was not locked */
	return &claim->cursors[i];
}

static void
on_cursor(struct claim *claim, const struct wb_pg_result *result, size_t at)
{
	struct cursor *cursor = &claim->cursors[claim->n_cursors];
	bool is_cursor;

	WB_ASSERT(claim->n_cursors < CURSOR_LANES);
	is_cursor = cursor_parse(wb_pg_text(result, at, EVENT_PAYLOAD),
	                         (int32_t)wb_pg_i64(result, at, EVENT_LANE),
	                         claim->batch->arena, cursor);
	WB_ASSERT(is_cursor);
	fronts_note(claim->fronts, cursor->lane, snapshot_xmin(&cursor->done));
	claim->n_cursors++;
}

static void
on_event(struct claim *claim, const struct wb_pg_result *result, size_t at)
{
	int64_t kind = wb_pg_i64(result, at, EVENT_KIND);
	struct cursor *cursor;

	switch (kind) {
	case KIND_CURSOR:
		on_cursor(claim, result, at);
		break;
	case KIND_EVENT:
		cursor = cursor_of(claim, result, at);
		cursor_pass(cursor, (uint64_t)wb_pg_i64(result, at, EVENT_XID),
		            wb_pg_i64(result, at, EVENT_SEQ));
		message_of_event(claim, result, at);
		break;
	default:
		WB_ASSERT(kind == KIND_MORE); /* the statement has no other */
		cursor_of(claim, result, at)->is_more = true;
	}
}

/* A cursor ahead of the server: the database was replaced under us. The gate
 * will say so when it has connected again. */
static bool
is_restored(const struct claim *claim)
{
	for (size_t i = 0; i < claim->n_cursors; i++)
		if (claim->cursors[i].done.xmax > claim->cursors[i].seen.xmax)
			return true;
	return false;
}

static void
add_slots(struct claim *claim)
{
	wb_pg_args_clear(claim->args);
	wb_pg_arg_i32(claim->args, claim->slots[0]);
	wb_pg_arg_i32(claim->args, claim->slots[1]);
}

static void
on_before(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;

	for (size_t i = 0; i < wb_pg_rows(result); i++) {
		size_t place = (size_t)wb_pg_i64(result, i, BEFORE_PLACE);

		WB_ASSERT(place < claim->batch->n_rows);
		if (!wb_pg_is_null(result, i, BEFORE_SEQ))
			claim->batch->rows[place].after =
			    wb_pg_i64(result, i, BEFORE_SEQ);
	}
	claim->on_read(claim->arg);
}

/* Columns of the statement that looks for what comes before. */
struct before {
	size_t places, lanes, types, ids, sequences;
	size_t n;
};

static void
add_before(struct claim *claim, size_t place, struct before *before)
{
	const struct row *row = &claim->batch->rows[place];

	if (order_is_next_here(claim->batch, row) ||
	    published_has(claim->published, row->aggregate_type,
	                  row->aggregate_id, row->sequence - 1))
		return;
	wb_pg_elem_i32(claim->args, before->places, (int32_t)place);
	wb_pg_elem_i32(claim->args, before->lanes, row->lane);
	wb_pg_elem_text(claim->args, before->types, row->aggregate_type);
	wb_pg_elem_text(claim->args, before->ids, row->aggregate_id);
	wb_pg_elem_i64(claim->args, before->sequences, row->sequence);
	before->n++;
}

/* Whether there is anything to look for: then on_before comes. */
static bool
find_before(struct claim *claim)
{
	struct before before = { 0 };
	size_t lanes;

	add_slots(claim);
	lanes = wb_pg_arg_array(claim->args, WB_PG_INT4);
	before.places = wb_pg_arg_array(claim->args, WB_PG_INT4);
	before.lanes = wb_pg_arg_array(claim->args, WB_PG_INT4);
	before.types = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	before.ids = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	before.sequences = wb_pg_arg_array(claim->args, WB_PG_INT8);
	for (size_t i = 0; i < claim->n_cursors; i++)
		wb_pg_elem_i32(claim->args, lanes, claim->cursors[i].lane);
	for (size_t i = 0; i < claim->batch->n_rows; i++)
		add_before(claim, i, &before);
	if (before.n == 0)
		return false;
	wb_tx_query(claim->tx, &sql_find_before[claim->reach], claim->args,
	            on_before, claim);
	wb_tx_flush(claim->tx);
	return true;
}

static void
end_read(struct claim *claim)
{
	if (is_restored(claim)) {
		claim->n_cursors = 0;
		published_forget(claim->published);
		fronts_forget(claim->fronts);
		batch_reset(claim->batch);
	}
	order_link(claim->batch);
	if (!find_before(claim))
		claim->on_read(claim->arg);
}

static void
on_events(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;

	for (size_t i = 0; i < wb_pg_rows(result); i++)
		on_event(claim, result, i);
	if (!claim->is_due)
		end_read(claim);
}

static void
on_held(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;

	for (size_t i = 0; i < wb_pg_rows(result); i++)
		message_of_event(claim, result, i);
	end_read(claim);
}

/* A full batch is shared evenly by its lanes. */
static int64_t
share(int64_t all, size_t n_lanes)
{
	int64_t n;

	WB_ASSERT(n_lanes > 0);
	n = all / (int64_t)n_lanes;
	return n > 0 ? n : 1;
}

static void
read_events(struct claim *claim, const struct wb_pg_result *lanes)
{
	size_t n_lanes = wb_pg_rows(lanes);
	size_t array;

	add_slots(claim);
	array = wb_pg_arg_array(claim->args, WB_PG_INT4);
	for (size_t i = 0; i < n_lanes; i++)
		wb_pg_elem_i32(claim->args, array,
		               (int32_t)wb_pg_i64(lanes, i, LANE_NUMBER));
	wb_pg_arg_i64(claim->args, share(claim->params->batch_events, n_lanes));
	wb_pg_arg_i64(claim->args, (int64_t)*claim->max_message_bytes);
	wb_pg_arg_i64(claim->args, share(claim->params->batch_bytes, n_lanes));
	wb_tx_query(claim->tx, &sql_read_events[claim->reach], claim->args,
	            on_events, claim);
	if (claim->is_due)
		wb_tx_query(claim->tx, &sql_read_held[claim->reach],
		            claim->args, on_held, claim);
	wb_tx_flush(claim->tx);
}

static void
on_lanes(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;
	int64_t now_us = wb_mono_us();

	if (claim->is_sweep)
		sweep_took(claim->sweep, claim->started_us, now_us);
	if (wb_pg_rows(result) == 0) {
		claim->on_read(claim->arg);
		return;
	}
	if (!claim->is_glance)
		horizon_seen(claim->horizon,
		             wb_pg_i64(result, 0, LANE_SINCE_US),
		             wb_pg_i64(result, 0, LANE_NOW_US), now_us);
	for (size_t i = 0; i < wb_pg_rows(result); i++)
		claim->is_due |= wb_pg_bool(result, i, LANE_IS_DUE);
	read_events(claim, result);
}

static void
add_fronts(struct claim *claim)
{
	size_t array = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	char xid[24];

	for (size_t lane = 0; lane < CURSOR_LANES; lane++) {
		(void)snprintf(xid, sizeof xid, "%" PRIu64,
		               claim->fronts->xids[lane]);
		wb_pg_elem_text(claim->args, array, xid);
	}
}

/* A glance takes whatever lanes have something to do. When that was too much
 * for one batch, the next one chooses. */
static void
start_events(struct claim *claim, struct wb_tx *tx)
{
	bool has_left_some = claim_has_left_some(claim);

	claim->tx = tx;
	claim->started_us = wb_mono_us();
	claim->n_cursors = 0;
	claim->is_due = false;
	claim->reach =
	    horizon_reach(claim->horizon, claim->started_us, claim->slots);
	claim->is_sweep = sweep_is_due(claim->sweep, claim->started_us);
	if (claim->is_sweep)
		claim->reach = REACH_FAR;
	claim->is_glance = !claim->is_sweep && !has_left_some;
	add_slots(claim);
	if (claim->is_glance)
		add_fronts(claim);
	else
		wb_pg_arg_i64(claim->args, claim->params->lanes_per_batch);
	wb_tx_query(tx,
	            claim->is_glance ? &sql_glance_at_lanes[claim->reach]
	                             : &sql_lock_lanes[claim->reach],
	            claim->args, on_lanes, claim);
	wb_tx_flush(tx);
}

static void
note_moved(const struct claim *claim)
{
	for (size_t i = 0; i < claim->n_cursors; i++)
		if (claim->cursors[i].next_xmin != 0)
			fronts_note(claim->fronts, claim->cursors[i].lane,
			            claim->cursors[i].next_xmin);
}

bool
claim_has_left_some(const struct claim *claim)
{
	for (size_t i = 0; i < claim->n_cursors; i++)
		if (claim->cursors[i].is_more)
			return true;
	return !claim->is_glance &&
	       claim->n_cursors >= (size_t)claim->params->lanes_per_batch;
}

static size_t
cap_events(size_t batch_events)
{
	/* What cursors pass, and as much of what is held. */
	size_t cap = batch_events > CURSOR_LANES ? batch_events : CURSOR_LANES;

	return 2 * cap;
}

static bool
has_moved(const struct claim *claim)
{
	for (size_t i = 0; i < claim->n_cursors; i++)
		if (cursor_moves(&claim->cursors[i]))
			return true;
	return false;
}

const struct slot_kind kind_events = {
	.name = "events",
	.metric = "wb_relay_events_total",
	.help = "events by what became of them",
	.cap = cap_events,
	.start = start_events,
	.has_moved = has_moved,
	.mark = hold_batch,
	.marked = note_moved,
};
