/* The cursors of the relay against a model of a database: whatever order
 * transactions commit in, however small batches are, each committed event is
 * passed exactly once, and none of an open or rolled back transaction; no front
 * is above one that is not done. Then the texts of cursors, and the days that
 * are looked at. */
#include "capture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "fronts.h"
#include "horizon.h"

/* ---- a model of the database ---- */

enum { TXS = 9000, EVENTS = 1500, OPEN_AT_ONCE = 12, FIRST_XID = 100 };

enum tx_state { TX_OPEN, TX_COMMITTED, TX_ROLLED_BACK };

static struct {
	enum tx_state txs[TXS]; /* of xid FIRST_XID + index */
	size_t n_txs;
	struct {
		uint64_t xid;
		int64_t seq; /* its index */
		size_t n_passed;
	} events[EVENTS];
	size_t n_events;
	uint32_t random;
} db;

static struct wb_arena *arena;
static struct wb_buf text;

static uint32_t
pick(uint32_t n)
{
	db.random = db.random * 1664525u + 1013904223u;
	return (db.random >> 8) % n;
}

static bool
is_committed(uint64_t xid)
{
	return db.txs[xid - FIRST_XID] == TX_COMMITTED;
}

/* As the server takes it. */
static void
take_snapshot(struct wb_buf *buf)
{
	struct snapshot snapshot = { .xmax = FIRST_XID + db.n_txs };

	/* xmax is behind the last transaction that has ended. */
	while (snapshot.xmax > FIRST_XID &&
	       db.txs[snapshot.xmax - 1 - FIRST_XID] == TX_OPEN)
		snapshot.xmax--;
	snapshot.xip = wb_arena_alloc(arena, TXS * sizeof *snapshot.xip);
	for (size_t i = 0; i < snapshot.xmax - FIRST_XID; i++)
		if (db.txs[i] == TX_OPEN)
			snapshot.xip[snapshot.n_xip++] = FIRST_XID + i;
	cursor_format(&snapshot, buf);
}

/* Something happens: a transaction begins, inserts or ends. */
static void
live(void)
{
	size_t n_open = 0, open[OPEN_AT_ONCE];

	for (size_t i = 0; i < db.n_txs && n_open < OPEN_AT_ONCE; i++)
		if (db.txs[i] == TX_OPEN)
			open[n_open++] = i;
	if (n_open == 0 || (n_open < OPEN_AT_ONCE && pick(4) == 0)) {
		db.txs[db.n_txs++] = TX_OPEN;
	} else if (pick(3) == 0) {
		db.txs[open[pick((uint32_t)n_open)]] =
		    pick(5) == 0 ? TX_ROLLED_BACK : TX_COMMITTED;
	} else if (db.n_events < EVENTS) {
		db.events[db.n_events].xid =
		    FIRST_XID + open[pick((uint32_t)n_open)];
		db.events[db.n_events].seq = (int64_t)db.n_events;
		db.n_events++;
	}
}

/* ---- a relay with one lane ---- */

static bool
sees(const struct snapshot *snapshot, uint64_t xid)
{
	if (xid >= snapshot->xmax)
		return false;
	for (size_t i = 0; i < snapshot->n_xip; i++)
		if (snapshot->xip[i] == xid)
			return false;
	return true;
}

static bool
is_done(const struct cursor *cursor, size_t event)
{
	uint64_t xid = db.events[event].xid;

	return sees(&cursor->done, xid) ||
	       (xid == cursor->part_xid &&
	        db.events[event].seq <= cursor->part_seq);
}

/* The transaction that is done in part comes first. */
static bool
is_before(const struct cursor *cursor, size_t a, size_t b)
{
	uint64_t x = db.events[a].xid, y = db.events[b].xid;

	if (x == y)
		return a < b;
	if (x == cursor->part_xid || y == cursor->part_xid)
		return x == cursor->part_xid;
	return x < y;
}

/* The next one to read after the last one, or EVENTS. */
static size_t
next_event(const struct cursor *cursor, size_t last)
{
	size_t next = EVENTS;

	for (size_t i = 0; i < db.n_events; i++) {
		if (!is_committed(db.events[i].xid) || is_done(cursor, i))
			continue;
		if (last < EVENTS && !is_before(cursor, last, i))
			continue;
		if (next == EVENTS || is_before(cursor, i, next))
			next = i;
	}
	return next;
}

/* As sql_read_events does it, with at most so many events. */
static void
claim(struct cursor *cursor, size_t most)
{
	static size_t read[EVENTS];
	size_t n = 0, next = next_event(cursor, EVENTS);

	for (; n < most && next < EVENTS; next = next_event(cursor, next))
		read[n++] = next;
	cursor->is_more = next < EVENTS;
	/* The rows come by seq. */
	for (size_t seq = 0; seq < db.n_events; seq++)
		for (size_t i = 0; i < n; i++)
			if (read[i] == seq) {
				cursor_pass(cursor, db.events[seq].xid,
				            (int64_t)seq);
				db.events[seq].n_passed++;
			}
}

static void
read_cursor(struct cursor *cursor, int64_t at_us)
{
	struct cursor read;

	wb_buf_clear(&text);
	wb_buf_printf(&text, "%" PRId64 " ", cursor->number);
	cursor_format(&cursor->done, &text);
	wb_buf_printf(&text,
	              " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64
	              " %" PRId64 " 0 ",
	              cursor->part_xid, cursor->part_seq, cursor->since_us,
	              cursor->taken_us, at_us);
	/* The claim has a transaction of its own, which inserts nothing. */
	db.txs[db.n_txs] = TX_ROLLED_BACK;
	wb_buf_printf(&text, "%zu ", FIRST_XID + db.n_txs);
	take_snapshot(&text);
	db.n_txs++;
	assert_true(cursor_parse(wb_buf_text(&text), 3, arena, &read));
	*cursor = read;
}

/* Whether nothing that is not done is older than since, or below the front.
 * Events are inserted at times that rise with their seq. */
static void
check_undone(const struct cursor *cursor, const struct fronts *fronts,
             const int64_t *inserted_us)
{
	for (size_t i = 0; i < db.n_events; i++) {
		if (is_done(cursor, i) ||
		    db.txs[db.events[i].xid - FIRST_XID] == TX_ROLLED_BACK)
			continue;
		assert_true(inserted_us[i] >= cursor->since_us);
		assert_true(db.events[i].xid >= fronts->xids[cursor->lane]);
	}
}

static void
run(uint32_t seed)
{
	static int64_t inserted_us[EVENTS];
	struct cursor cursor = { .done.xmax = 1 };
	struct fronts fronts;
	int64_t at_us = 0;
	size_t n_moved = 0;

	memset(&db, 0, sizeof db);
	db.random = seed;
	fronts_forget(&fronts);
	for (size_t step = 0; step < 6000; step++) {
		size_t n_events = db.n_events;

		live();
		at_us++;
		if (db.n_events > n_events)
			inserted_us[n_events] = at_us;
		if (pick(4) != 0)
			continue;
		read_cursor(&cursor, at_us);
		claim(&cursor, 1 + pick(6));
		if (!cursor_moves(&cursor) && pick(3) != 0)
			continue;
		cursor = cursor_next(&cursor, arena);
		fronts_note(&fronts, cursor.lane, snapshot_xmin(&cursor.done));
		check_undone(&cursor, &fronts, inserted_us);
		n_moved++;
	}
	assert_true(n_moved > 500);
	/* All end; then everything is read. */
	for (size_t i = 0; i < db.n_txs; i++)
		if (db.txs[i] == TX_OPEN)
			db.txs[i] = TX_COMMITTED;
	for (size_t i = 0; i < EVENTS; i++) {
		read_cursor(&cursor, ++at_us);
		claim(&cursor, 7);
		cursor = cursor_next(&cursor, arena);
	}
	assert_int_equal(cursor.done.n_xip, 0);
	/* It does rise: else the relay would see work in every lane. */
	fronts_note(&fronts, cursor.lane, snapshot_xmin(&cursor.done));
	assert_int_equal(fronts.xids[cursor.lane], FIRST_XID + db.n_txs);
	for (size_t i = 0; i < db.n_events; i++)
		assert_int_equal(db.events[i].n_passed,
		                 is_committed(db.events[i].xid) ? 1 : 0);
}

static void
each_committed_event_is_passed_once(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 8; seed++) {
		run(seed);
		wb_arena_reset(arena);
	}
}

/* ---- texts ---- */

static void
takes_what_the_server_writes(void **state)
{
	struct cursor cursor;

	(void)state;
	assert_true(
	    cursor_parse("7 10:20:10,12 12 -5 1000 2000 3000 1 5 15:30:15", 4,
	                 arena, &cursor));
	assert_int_equal(cursor.lane, 4);
	assert_int_equal(cursor.number, 7);
	assert_int_equal(cursor.done.xmax, 20);
	assert_int_equal(cursor.done.n_xip, 2);
	assert_int_equal(cursor.done.xip[1], 12);
	assert_int_equal(cursor.part_xid, 12);
	assert_int_equal(cursor.part_seq, -5);
	assert_int_equal(cursor.since_us, 1000);
	assert_int_equal(cursor.taken_us, 2000);
	assert_int_equal(cursor.now_us, 3000);
	assert_true(cursor.is_stale);
	assert_int_equal(cursor.seen.xmax, 30);
	assert_int_equal(cursor.seen.xip[0], 15);
	assert_true(
	    cursor_parse("0 1:1: 0 0 1 1 1 0 5 9:9:", 0, arena, &cursor));
	assert_int_equal(cursor.done.n_xip, 0);
}

static void
names_the_open_ones_below_the_claims_own(void **state)
{
	struct cursor cursor;

	(void)state;
	assert_true(
	    cursor_parse("0 1:1: 0 0 1 1 1 0 14 8:12:8", 0, arena, &cursor));
	assert_int_equal(cursor.seen.xmax, 15);
	assert_int_equal(cursor.seen.n_xip, 3);
	assert_int_equal(cursor.seen.xip[0], 8);
	assert_int_equal(cursor.seen.xip[1], 12);
	assert_int_equal(cursor.seen.xip[2], 13);
}

static void
takes_nothing_else(void **state)
{
	static const char *const wrong[] = {
		"",
		"7",
		"7 10:20:10,12 12 5 1000 2000 3000 1 5",
		"7 10:20:10, 12 5 1000 2000 3000 1 5 15:30:15",
		"7 10:20:10,x 12 5 1000 2000 3000 1 5 15:30:15",
		"x 10:20: 12 5 1000 2000 3000 1 5 15:30:15",
		"7 10:20: 12 5 1000 2000 3000 1 5 15:30:15 more",
	};
	struct cursor cursor;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(cursor_parse(wrong[i], 0, arena, &cursor));
}

static void
a_stale_cursor_moves_unless_more_is_left(void **state)
{
	struct cursor cursor = { .is_stale = true };

	(void)state;
	assert_true(cursor_moves(&cursor));
	cursor.is_more = true;
	assert_false(cursor_moves(&cursor));
	cursor_pass(&cursor, 5, 1);
	assert_true(cursor_moves(&cursor));
}

/* ---- days ---- */

#define HOUR (INT64_C(3600) * 1000 * 1000)
#define DAY  (24 * HOUR)

static enum reach
reach_of(int64_t since_us, int64_t now_us, int64_t elapsed_us, int32_t slots[2])
{
	struct horizon horizon;

	horizon_seen(&horizon, since_us, now_us, 5);
	return horizon_reach(&horizon, 5 + elapsed_us, slots);
}

static void
looks_at_one_day_or_two(void **state)
{
	struct horizon never = { 0 };
	int32_t slots[2];

	(void)state;
	assert_int_equal(horizon_reach(&never, 1000, slots), REACH_FAR);
	assert_int_equal(
	    reach_of(100 * DAY + 5 * HOUR, 100 * DAY + 6 * HOUR, 0, slots),
	    100 % 16);
	assert_int_equal(slots[0], 100 % 16);
	assert_int_equal(slots[1], 100 % 16);
	/* An hour around midnight: both days. */
	(void)reach_of(100 * DAY + 23 * HOUR, 100 * DAY + 23 * HOUR, HOUR / 2,
	               slots);
	assert_int_equal(slots[1], 101 % 16);
	(void)reach_of(100 * DAY + HOUR / 2, 100 * DAY + HOUR / 2, 0, slots);
	assert_int_equal(slots[0], 99 % 16);
	assert_int_equal(slots[1], 100 % 16);
	/* A clock that was set back: where the newest cursors are, too. */
	assert_int_equal(
	    reach_of(101 * DAY + 2 * HOUR, 100 * DAY + 22 * HOUR, 0, slots),
	    REACH_NEAR);
	assert_int_equal(slots[0], 100 % 16);
	assert_int_equal(slots[1], 101 % 16);
	/* Two days at most; time goes on while nothing is told. */
	assert_int_equal(
	    reach_of(100 * DAY + 5 * HOUR, 100 * DAY + 6 * HOUR, DAY, slots),
	    REACH_NEAR);
	assert_int_equal(slots[1], 101 % 16);
	assert_int_equal(reach_of(100 * DAY + 5 * HOUR, 100 * DAY + 6 * HOUR,
	                          2 * DAY, slots),
	                 REACH_FAR);
}

static int
set_up(void **state)
{
	(void)state;
	arena = wb_arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	wb_arena_free(arena);
	wb_buf_fini(&text);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_committed_event_is_passed_once),
		cmocka_unit_test(takes_what_the_server_writes),
		cmocka_unit_test(names_the_open_ones_below_the_claims_own),
		cmocka_unit_test(takes_nothing_else),
		cmocka_unit_test(a_stale_cursor_moves_unless_more_is_left),
		cmocka_unit_test(looks_at_one_day_or_two),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
