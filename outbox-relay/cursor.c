/* Snapshots of transactions, and what follows from two of them. */
#include "cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

static bool
take_u64(const char **at, char end, uint64_t *ret)
{
	char *after;

	if (**at < '0' || **at > '9')
		return false;
	*ret = strtoull(*at, &after, 10);
	if (*after != end)
		return false;
	*at = end == '\0' ? after : after + 1;
	return true;
}

static bool
take_i64(const char **at, int64_t *ret)
{
	bool is_negative = **at == '-';
	uint64_t value;

	*at += is_negative;
	if (!take_u64(at, ' ', &value))
		return false;
	*ret = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static size_t
count_xids(const char *at)
{
	size_t n = *at >= '0' && *at <= '9';

	for (; *at != '\0' && *at != ' '; at++)
		n += *at == ',';
	return n;
}

/* "xmin:xmax:xip,xip" and then end. */
static bool
take_snapshot(const char **at, char end, struct wb_arena *arena,
              struct snapshot *ret)
{
	uint64_t xmin;

	if (!take_u64(at, ':', &xmin) || !take_u64(at, ':', &ret->xmax))
		return false;
	ret->n_xip = count_xids(*at);
	ret->xip = wb_arena_alloc(arena, (ret->n_xip + 1) * sizeof *ret->xip);
	for (size_t i = 0; i < ret->n_xip; i++)
		if (!take_u64(at, i + 1 < ret->n_xip ? ',' : end, &ret->xip[i]))
			return false;
	if (ret->n_xip == 0) {
		if (**at != end)
			return false;
		*at += end != '\0';
	}
	return true;
}

/* Savepoints count, too, and there may be millions of them. */
enum { NAMES_MAX = 10000 };

/* A snapshot does not name the open transactions above the last one that has
 * ended. All below the claim's own are open, though; and what is above that one
 * began after the claim. False: they are too many to be named. */
static bool
name_open(struct snapshot *seen, uint64_t own, struct wb_arena *arena)
{
	uint64_t *xip;

	if (own < seen->xmax)
		return true;
	if (own - seen->xmax > NAMES_MAX)
		return false;
	xip = wb_arena_alloc(arena, (seen->n_xip + (size_t)(own - seen->xmax)) *
	                                sizeof *xip);
	memcpy(xip, seen->xip, seen->n_xip * sizeof *xip);
	seen->xip = xip;
	for (uint64_t xid = seen->xmax; xid < own; xid++)
		seen->xip[seen->n_xip++] = xid;
	seen->xmax = own + 1;
	return true;
}

bool
cursor_parse(const char *text, int32_t lane, struct wb_arena *arena,
             struct cursor *ret_cursor)
{
	struct cursor cursor = { .lane = lane };
	uint64_t is_stale, own;

	if (!take_i64(&text, &cursor.number) ||
	    !take_snapshot(&text, ' ', arena, &cursor.done) ||
	    !take_u64(&text, ' ', &cursor.part_xid) ||
	    !take_i64(&text, &cursor.part_seq) ||
	    !take_i64(&text, &cursor.since_us) ||
	    !take_i64(&text, &cursor.taken_us) ||
	    !take_i64(&text, &cursor.now_us) ||
	    !take_u64(&text, ' ', &is_stale) || !take_u64(&text, ' ', &own) ||
	    !take_snapshot(&text, '\0', arena, &cursor.seen))
		return false;
	cursor.is_vague = !name_open(&cursor.seen, own, arena);
	cursor.is_stale = is_stale != 0;
	*ret_cursor = cursor;
	return true;
}

uint64_t
snapshot_xmin(const struct snapshot *snapshot)
{
	return snapshot->n_xip > 0 ? snapshot->xip[0] : snapshot->xmax;
}

void
cursor_format(const struct snapshot *snapshot, struct wb_buf *buf)
{
	wb_buf_printf(buf, "%" PRIu64 ":%" PRIu64 ":", snapshot_xmin(snapshot),
	              snapshot->xmax);
	for (size_t i = 0; i < snapshot->n_xip; i++)
		wb_buf_printf(buf, "%s%" PRIu64, i > 0 ? "," : "",
		              snapshot->xip[i]);
}

/* ---- moving ---- */

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

/* The order in which transactions are passed. */
static uint64_t
rank(const struct cursor *cursor, uint64_t xid)
{
	return xid == cursor->part_xid ? 0 : xid;
}

void
cursor_pass(struct cursor *cursor, uint64_t xid, int64_t seq)
{
	uint64_t last = rank(cursor, cursor->last_xid);
	bool is_last = cursor->n_passed == 0 || rank(cursor, xid) > last ||
	               (xid == cursor->last_xid && seq > cursor->last_seq);

	cursor->n_passed++;
	if (is_last) {
		cursor->last_xid = xid;
		cursor->last_seq = seq;
	}
}

bool
cursor_moves(const struct cursor *cursor)
{
	return cursor->n_passed > 0 || (cursor->is_stale && !cursor->is_more);
}

static void
add_xid(struct snapshot *snapshot, uint64_t xid)
{
	snapshot->xip[snapshot->n_xip++] = xid;
}

/* What the cursor does not see, in order: what it did not see before and is
 * still open, or was not reached; then, below the new xmax, what was open when
 * it was read. The one transaction that is done in part is among either. */
static void
add_unseen(const struct cursor *cursor, bool is_cut, struct snapshot *next)
{
	uint64_t cut = cursor->last_xid;

	for (size_t i = 0; i < cursor->done.n_xip; i++) {
		uint64_t xid = cursor->done.xip[i];

		if (!sees(&cursor->seen, xid) ||
		    (is_cut && rank(cursor, xid) >= rank(cursor, cut)))
			add_xid(next, xid);
	}
	for (size_t i = 0; i < cursor->seen.n_xip; i++) {
		uint64_t xid = cursor->seen.xip[i];

		if (xid >= cursor->done.xmax && xid < next->xmax)
			add_xid(next, xid);
	}
	if (is_cut && cut >= cursor->done.xmax)
		add_xid(next, cut);
}

struct cursor
cursor_next(const struct cursor *cursor, struct wb_arena *arena)
{
	bool is_cut = cursor->is_more;
	struct cursor next = {
		.lane = cursor->lane,
		.number = cursor->number + 1,
		.done.xmax = cursor->seen.xmax,
		/* What the cursor does not name began after it. */
		.since_us = cursor->taken_us,
		.taken_us = cursor->now_us,
	};

	if (is_cut) {
		next.done.xmax = cursor->last_xid < cursor->done.xmax
		                     ? cursor->done.xmax
		                     : cursor->last_xid + 1;
		next.part_xid = cursor->last_xid;
		next.part_seq = cursor->last_seq;
		next.since_us = cursor->since_us;
		next.taken_us = cursor->taken_us;
	}
	next.done.xip = wb_arena_alloc(
	    arena, (cursor->done.n_xip + cursor->seen.n_xip + 1) *
	               sizeof *next.done.xip);
	add_unseen(cursor, is_cut, &next.done);
	if (next.done.n_xip > 0 && next.done.xip[0] < cursor->done.xmax)
		next.since_us = cursor->since_us;
	if (cursor->is_vague) {
		next.since_us = cursor->since_us;
		next.taken_us = cursor->taken_us;
	}
	return next;
}
