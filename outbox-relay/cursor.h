/* How far a lane is. A cursor is a snapshot: the events of the transactions
 * that it sees are done (published, or held), all others are not. A claim
 * reads, in one statement, the cursor, a snapshot of now, and events that this
 * one sees and the cursor does not; afterwards a new cursor says that they are
 * done too. So nothing is skipped, however late a transaction commits, and no
 * event is ever marked.
 *
 * Events are passed in the order (transaction, seq). A batch may end in the
 * middle of a transaction: then the cursor does not see that one, but remembers
 * the last seq of it that is done, and the next claim begins with it. */
#ifndef RELAY_CURSOR_H
#define RELAY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

enum { CURSOR_LANES = 8 }; /* rows of outbox_lanes */

/* Sees a transaction below xmax that is not in xip. Source: pg_snapshot. */
struct snapshot {
	uint64_t xmax;
	uint64_t *xip; /* ascending, below xmax */
	size_t n_xip;
};

struct cursor {
	int32_t lane;
	int64_t number;
	struct snapshot done;
	uint64_t part_xid; /* 0: none; else in done.xip */
	int64_t part_seq;
	/* The server's clock, µs: no event that is not done was inserted before
	 * since; the cursor is a snapshot of taken. */
	int64_t since_us, taken_us;

	/* The claim: its time and snapshot, what it read. */
	int64_t now_us;
	struct snapshot seen;
	bool is_stale; /* to be moved even if nothing was read */
	bool is_vague; /* seen does not name all that is open */
	uint64_t last_xid;
	int64_t last_seq;
	size_t n_passed;
	bool is_more; /* more than that is not done */
	/* Of the next cursor's snapshot, once there is one; 0: it stays. */
	uint64_t next_xmin;
};

/* text: number, done, part_xid, part_seq, since, taken, now, is_stale, the xid
 * of the claim's own transaction, and what that one sees, separated by one
 * space, as sql_read_events gives them. Its memory is the arena's. False: it is
 * not of this form. */
bool cursor_parse(const char *text, int32_t lane, struct wb_arena *arena,
                  struct cursor *ret_cursor) WB_MUST_USE;

/* An event that was read and that the cursor will see as done. */
void cursor_pass(struct cursor *cursor, uint64_t xid, int64_t seq);

/* Whether there is a reason to write the next cursor. */
bool cursor_moves(const struct cursor *cursor);

/* The next cursor; only number, done, part_*, since_us and taken_us are set.
 * Its memory is the arena's. */
struct cursor cursor_next(const struct cursor *cursor, struct wb_arena *arena);

/* The lowest transaction that it may not see. */
uint64_t snapshot_xmin(const struct snapshot *snapshot);

/* As pg_snapshot is written: "xmin:xmax:xip,xip". */
void cursor_format(const struct snapshot *snapshot, struct wb_buf *buf);

#endif
