/* Outcomes → cursors and held events. */
#include "hold.h"

#include <inttypes.h>
#include <stdio.h>

#include "mark.h"
#include "sql.h"

/* ---- cursors ---- */

struct moved {
	struct wb_pg_args *args;
	size_t lanes, numbers, done, part_xids, part_seqs, since, taken, events;
	size_t n;
};

static void
move_one(struct claim *claim, struct cursor *cursor, struct moved *moved)
{
	struct cursor next = cursor_next(cursor, claim->batch->arena);
	char part_xid[24];

	cursor->next_xmin = snapshot_xmin(&next.done);
	wb_buf_clear(&claim->scratch);
	cursor_format(&next.done, &claim->scratch);
	(void)snprintf(part_xid, sizeof part_xid, "%" PRIu64, next.part_xid);
	wb_pg_elem_i32(moved->args, moved->lanes, next.lane);
	wb_pg_elem_i64(moved->args, moved->numbers, next.number);
	wb_pg_elem_text(moved->args, moved->done, wb_buf_text(&claim->scratch));
	wb_pg_elem_text(moved->args, moved->part_xids, part_xid);
	wb_pg_elem_i64(moved->args, moved->part_seqs, next.part_seq);
	wb_pg_elem_i64(moved->args, moved->since, next.since_us);
	wb_pg_elem_i64(moved->args, moved->taken, next.taken_us);
	wb_pg_elem_i32(moved->args, moved->events, (int32_t)cursor->n_passed);
	moved->n++;
}

static void
move_cursors(struct claim *claim, struct wb_tx *tx)
{
	struct moved moved = { .args = claim->args };

	wb_pg_args_clear(claim->args);
	moved.lanes = wb_pg_arg_array(claim->args, WB_PG_INT4);
	moved.numbers = wb_pg_arg_array(claim->args, WB_PG_INT8);
	moved.done = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	moved.part_xids = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	moved.part_seqs = wb_pg_arg_array(claim->args, WB_PG_INT8);
	moved.since = wb_pg_arg_array(claim->args, WB_PG_INT8);
	moved.taken = wb_pg_arg_array(claim->args, WB_PG_INT8);
	moved.events = wb_pg_arg_array(claim->args, WB_PG_INT4);
	for (size_t i = 0; i < claim->n_cursors; i++)
		if (cursor_moves(&claim->cursors[i]))
			move_one(claim, &claim->cursors[i], &moved);
	if (claim->reach < REACH_NEAR)
		wb_pg_arg_i32(claim->args, (int32_t)claim->reach);
	else
		wb_pg_arg_text(claim->args, NULL);
	if (moved.n > 0)
		wb_tx_query(tx, &sql_move_cursors[claim->reach], claim->args,
		            NULL, NULL);
}

/* ---- held events ---- */

struct held {
	struct wb_pg_args *args;
	size_t seqs, slots, lanes, xids, types, ids, sequences, created;
	size_t attempts, waits, parked, reasons;
	size_t n;
};

static void
add_held(const struct claim *claim, const struct row *row, struct held *held)
{
	char xid[24];

	(void)snprintf(xid, sizeof xid, "%" PRIu64, row->xid);
	wb_pg_elem_i64(held->args, held->seqs, row->id);
	wb_pg_elem_i32(held->args, held->slots, row->slot);
	wb_pg_elem_i32(held->args, held->lanes, row->lane);
	wb_pg_elem_text(held->args, held->xids, xid);
	wb_pg_elem_text(held->args, held->types, row->aggregate_type);
	wb_pg_elem_text(held->args, held->ids, row->aggregate_id);
	wb_pg_elem_i64(held->args, held->sequences, row->sequence);
	wb_pg_elem_i64(held->args, held->created, row->created_us);
	held->n++;
	if (row->state == ROW_LEFT) {
		wb_pg_elem_i32(held->args, held->attempts, row->attempts);
		wb_pg_elem_null(held->args, held->waits);
		wb_pg_elem_bool(held->args, held->parked, false);
		wb_pg_elem_null(held->args, held->reasons);
	} else {
		int64_t wait_ms = mark_wait_ms(&kind_events, claim, row);

		wb_pg_elem_i32(held->args, held->attempts, row->attempts + 1);
		if (wait_ms < 0)
			wb_pg_elem_null(held->args, held->waits);
		else
			wb_pg_elem_i64(held->args, held->waits, wait_ms);
		wb_pg_elem_bool(held->args, held->parked, wait_ms < 0);
		wb_pg_elem_text(held->args, held->reasons, mark_reason(row));
	}
}

/* What was held already and is left again stays as it is. */
static bool
is_to_hold(const struct row *row)
{
	return mark_is_refused(row) ||
	       (row->state == ROW_LEFT && !row->is_held);
}

static void
hold(struct claim *claim, struct wb_tx *tx)
{
	struct held held = { .args = claim->args };

	wb_pg_args_clear(claim->args);
	held.seqs = wb_pg_arg_array(claim->args, WB_PG_INT8);
	held.slots = wb_pg_arg_array(claim->args, WB_PG_INT4);
	held.lanes = wb_pg_arg_array(claim->args, WB_PG_INT4);
	held.xids = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	held.types = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	held.ids = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	held.sequences = wb_pg_arg_array(claim->args, WB_PG_INT8);
	held.created = wb_pg_arg_array(claim->args, WB_PG_INT8);
	held.attempts = wb_pg_arg_array(claim->args, WB_PG_INT4);
	held.waits = wb_pg_arg_array(claim->args, WB_PG_INT8);
	held.parked = wb_pg_arg_array(claim->args, WB_PG_BOOL);
	held.reasons = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	for (size_t i = 0; i < claim->batch->n_rows; i++)
		if (is_to_hold(&claim->batch->rows[i]))
			add_held(claim, &claim->batch->rows[i], &held);
	if (held.n > 0)
		wb_tx_query(tx, &sql_hold_events, claim->args, NULL, NULL);
}

static bool
is_released(const struct row *row)
{
	return row->is_held && row->state == ROW_ACKED;
}

static void
release(struct claim *claim, struct wb_tx *tx)
{
	size_t n = 0, array;

	wb_pg_args_clear(claim->args);
	array = wb_pg_arg_array(claim->args, WB_PG_INT8);
	for (size_t i = 0; i < claim->batch->n_rows; i++) {
		if (!is_released(&claim->batch->rows[i]))
			continue;
		wb_pg_elem_i64(claim->args, array, claim->batch->rows[i].id);
		n++;
	}
	if (n > 0)
		wb_tx_query(tx, &sql_release_events, claim->args, NULL, NULL);
}

/* Of each aggregate that has gained or lost held events, the first one. */
static void
let(struct claim *claim, struct wb_tx *tx)
{
	size_t n = 0, types, ids;

	wb_pg_args_clear(claim->args);
	types = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	ids = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	for (size_t i = 0; i < claim->batch->n_rows; i++) {
		const struct row *row = &claim->batch->rows[i];

		if (!is_to_hold(row) && !is_released(row))
			continue;
		wb_pg_elem_text(claim->args, types, row->aggregate_type);
		wb_pg_elem_text(claim->args, ids, row->aggregate_id);
		n++;
	}
	if (n > 0)
		wb_tx_query(tx, &sql_let_events, claim->args, NULL, NULL);
}

void
hold_batch(struct claim *claim, struct wb_tx *tx)
{
	move_cursors(claim, tx);
	release(claim, tx);
	hold(claim, tx);
	let(claim, tx);
}
