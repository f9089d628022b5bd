/* How rows are found, claimed and marked. */
#include "sql.h"

#include <stdio.h>

#include "base/attr.h"

/* Statements are laid out by hand. */
/* clang-format off */

/* The advisory lock of the gate; the triggers on the tables know it too. */
#define GATE "8617204431"

/* By doubles, which hold µs exactly until the year 2255; extract() reckons with
 * numerics, at a cost per event that shows. */
#define MICROSECONDS(time) "(date_part('epoch', " time ") * 1000000)::bigint"
#define FROM_MICROSECONDS(us)                                                  \
	"(timestamptz 'epoch' + " us " * interval '1 microsecond')"

/* Plans are made when a statement is first used, often on empty tables, where
 * all plans cost the same. So each statement leaves only one plan that needs no
 * sort (sorting and other kinds of scan are off, see settings below): by the
 * order that it asks for. */

/* The days that are looked at: one, by its own partitions (their names end with
 * DAY); near, the two slots $1 and $2 (see horizon.h); or all of them. To begin a
 * statement about all partitions costs more than most claims do. */
#define ANY(row)  "$1::int + $2::int IS NOT NULL"
#define NEAR(row) row ".slot IN ($1::int, $2::int)"
#define EACH_REACH(name, STATEMENT)                                            \
	{ [0] = { name "_0", STATEMENT("_0", ANY) },                           \
	  [1] = { name "_1", STATEMENT("_1", ANY) },                           \
	  [2] = { name "_2", STATEMENT("_2", ANY) },                           \
	  [3] = { name "_3", STATEMENT("_3", ANY) },                           \
	  [4] = { name "_4", STATEMENT("_4", ANY) },                           \
	  [5] = { name "_5", STATEMENT("_5", ANY) },                           \
	  [6] = { name "_6", STATEMENT("_6", ANY) },                           \
	  [7] = { name "_7", STATEMENT("_7", ANY) },                           \
	  [8] = { name "_8", STATEMENT("_8", ANY) },                           \
	  [9] = { name "_9", STATEMENT("_9", ANY) },                           \
	  [10] = { name "_10", STATEMENT("_10", ANY) },                        \
	  [11] = { name "_11", STATEMENT("_11", ANY) },                        \
	  [12] = { name "_12", STATEMENT("_12", ANY) },                        \
	  [13] = { name "_13", STATEMENT("_13", ANY) },                        \
	  [14] = { name "_14", STATEMENT("_14", ANY) },                        \
	  [15] = { name "_15", STATEMENT("_15", ANY) },                        \
	  [REACH_NEAR] = { name, STATEMENT("", NEAR) },                        \
	  [REACH_FAR] = { name "_far", STATEMENT("", ANY) } }

/* The cursors of these lanes. */
#define CURSORS(lanes, DAY, SLOTS)                                             \
	"cursors AS MATERIALIZED (SELECT c.*, "                                \
	"pg_snapshot_xmax(c.done) AS xmax, "                                   \
	"ARRAY(SELECT x FROM pg_snapshot_xip(c.done) AS x "                    \
	"ORDER BY x IS DISTINCT FROM c.part_xid, x) AS xip "                   \
	"FROM " lanes " CROSS JOIN LATERAL (SELECT b.* FROM outbox_batches" DAY " b " \
	"WHERE b.lane = l.lane::smallint AND " SLOTS("b") " "                  \
	"ORDER BY b.number DESC LIMIT 1) c) "

/* Events of cursor c that are not done, in the order in which it passes them:
 * those of the transaction that is done in part, those of transactions that were
 * still open when it was taken, then those of later ones. */
#define NOT_DONE(columns, DAY, SLOTS, most)                                    \
	"(SELECT " columns " FROM unnest(c.xip) AS x (xid) CROSS JOIN LATERAL " \
	"(SELECT n.* FROM outbox_events" DAY " n WHERE n.lane = c.lane "       \
	"AND n.xid = x.xid AND n.seq > CASE WHEN x.xid = c.part_xid "          \
	"THEN c.part_seq ELSE -9223372036854775808 END AND "                   \
	SLOTS("n") " ORDER BY n.seq LIMIT " most ") e LIMIT " most ") "        \
	"UNION ALL "                                                           \
	"(SELECT " columns " FROM outbox_events" DAY " e WHERE e.lane = c.lane " \
	"AND e.xid >= c.xmax AND " SLOTS("e") " "                              \
	"ORDER BY e.xid, e.seq LIMIT " most ")"

#define SAME_AGGREGATE(a, b)                                                   \
	a ".aggregate_type = " b ".aggregate_type "                            \
	"AND " a ".aggregate_id = " b ".aggregate_id "

/* Held events of cursor c that are due: first ones of their aggregates. Others
 * may have a time too, if they were passed before those that they wait for. */
#define DUE(columns, most)                                                     \
	"SELECT " columns " FROM outbox_held h WHERE h.lane = c.lane "         \
	"AND h.retry_at <= now() AND h.seq = ("                                \
	"SELECT f.seq FROM outbox_held f WHERE " SAME_AGGREGATE("f", "h")      \
	"ORDER BY f.sequence LIMIT 1) ORDER BY h.retry_at LIMIT " most

/* A cursor that was not moved for so long is moved without a batch, so that the
 * days before it can be forgotten. */
#define IS_STALE "c.taken_at < now() - interval '10 minutes'"

/* A lane's work is as old as its oldest event; a stale cursor comes last. */
#define LOCK_LANES(DAY, SLOTS)                                                 \
	"WITH " CURSORS("outbox_lanes l", DAY, SLOTS) ", "                     \
	"heads AS MATERIALIZED (SELECT c.lane, c.since, c.due, "               \
	"least(c.fresh, c.due, CASE WHEN " IS_STALE                            \
	" THEN 9223372036854775807 END) AS seq FROM (SELECT c.*, "             \
	"(SELECT min(w.seq) FROM (" NOT_DONE("e.seq", DAY, SLOTS, "1") ") w) " \
	"AS fresh, (" DUE("h.seq", "1") ") AS due FROM cursors c) c) "         \
	"SELECT l.lane::int, "                                                 \
	MICROSECONDS("(SELECT min(since) FROM heads)") ", "                    \
	MICROSECONDS("now()") ", heads.due IS NOT NULL "                       \
	"FROM heads JOIN outbox_lanes l ON l.lane = heads.lane "               \
	"WHERE heads.seq IS NOT NULL "                                         \
	"ORDER BY heads.seq LIMIT $3::bigint FOR UPDATE OF l SKIP LOCKED"

const struct wb_pg_stmt sql_lock_lanes[] = EACH_REACH("relay_lock_lanes", LOCK_LANES);

/* Held events that are due in vain are few. The server may not read all that are
 * due to know it of one lane: hence the LIMIT. */
#define GLANCE_AT_LANES(DAY, SLOTS)                                            \
	"SELECT l.lane::int, NULL::bigint, NULL::bigint, h.due IS NOT NULL "   \
	"FROM outbox_lanes l LEFT JOIN LATERAL (SELECT true AS due "           \
	"FROM outbox_held h WHERE h.lane = l.lane AND h.retry_at <= now() "    \
	"LIMIT 1) h ON true WHERE h.due OR (SELECT true FROM "                 \
	"outbox_events" DAY " e WHERE e.lane = l.lane "                        \
	"AND e.xid >= ($3::text[])[l.lane + 1]::xid8 AND " SLOTS("e")          \
	" ORDER BY e.xid, e.seq LIMIT 1) FOR UPDATE OF l SKIP LOCKED"

const struct wb_pg_stmt sql_glance_at_lanes[] =
    EACH_REACH("relay_glance_at_lanes", GLANCE_AT_LANES);

/* Of payloads up to the largest: the sum before this row, and how many. Both by
 * one window: each one keeps a copy of every row. */
#define BEFORE_IT "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
#define SUMMED                                                                 \
	"sum(s.bytes) FILTER (WHERE s.bytes <= $5::bigint) " BEFORE_IT         \
	" AS before, row_number() " BEFORE_IT " AS nth"
#define SIZED(e) "octet_length(" e ".payload::text)::bigint AS bytes"
#define FITS(r) "coalesce(" r ".before < $6::bigint, true)"

/* One row more than fits, so that it is known whether there is more. */
#define PASSED_NOW(DAY, SLOTS)                                                 \
	"SELECT CASE WHEN s.nth <= $4::bigint AND " FITS("s")                  \
	" THEN 1 ELSE 2 END AS kind, s.* "                                     \
	"FROM (SELECT s.*, " SUMMED " FROM ("                                  \
	"SELECT 0 AS attempts, e.*, " SIZED("e") " FROM ("                     \
	NOT_DONE("e.*", DAY, SLOTS, "$4::bigint + 1")                          \
	" LIMIT $4::bigint + 1) e) s) s"

/* The due ones, each with some that wait for it. What is behind a parked one is
 * not in turn (see order.h), if it is read at all. */
#define HELD_NOW                                                               \
	"SELECT 3 AS kind, s.* FROM (SELECT s.*, " SUMMED " FROM ("            \
	"SELECT f.attempts, e.*, " SIZED("e") " FROM ("                        \
	DUE("h.*", "$4::bigint") ") h CROSS JOIN LATERAL ("                    \
	"SELECT w.* FROM outbox_held w WHERE " SAME_AGGREGATE("w", "h")        \
	"AND w.sequence >= h.sequence AND w.parked_at IS NULL "                \
	"AND coalesce(w.retry_at <= now(), true) "                             \
	"ORDER BY w.sequence LIMIT 50) f CROSS JOIN LATERAL ("                 \
	"SELECT n.* FROM outbox_events n WHERE n.slot = f.slot "               \
	"AND n.lane = f.lane AND n.xid = f.xid AND n.seq = f.seq) e "          \
	"LIMIT $4::bigint) s) s WHERE " FITS("s")

#define EVENT_ROW                                                              \
	"e.seq, e.kind, e.lane::int, e.slot::int, e.xid, "                     \
	"e.event_id, e.aggregate_type, e.aggregate_id, e.sequence, "           \
	"e.event_type, CASE WHEN e.kind <> 2 AND e.bytes <= $5::bigint "       \
	"THEN e.payload::text END, e.bytes, e.correlation_id, "                \
	"e.causation_id::text, e.traceparent, e.exchange, e.routing_key, "     \
	"e.headers::text, " MICROSECONDS("e.created_at") ", "                  \
	"e.attempts::bigint "

/* Both parts are of one statement, and so of one snapshot: what the cursor says
 * to be done next is just what was read. */
#define READ_EVENTS(DAY, SLOTS)                                                \
	"WITH " CURSORS("unnest($3::int[]) AS l (lane)", DAY, SLOTS)           \
	"SELECT NULL::bigint AS seq, 0 AS kind, c.lane::int, 0 AS slot, "      \
	"NULL::xid8, NULL::uuid, NULL::text, NULL::text, NULL::bigint, "       \
	"NULL::text, concat_ws(' ', c.number, c.done, coalesce(c.part_xid, "   \
	"'0'), coalesce(c.part_seq, 0), " MICROSECONDS("c.since") ", "         \
	MICROSECONDS("c.taken_at") ", " MICROSECONDS("now()") ", "             \
	"(" IS_STALE ")::int, pg_current_xact_id(), pg_current_snapshot()), "  \
	"NULL::bigint, "                                                       \
	"NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, "         \
	"NULL::text, NULL::bigint, NULL::bigint FROM cursors c "               \
	"UNION ALL (SELECT " EVENT_ROW                                         \
	"FROM cursors c CROSS JOIN LATERAL (" PASSED_NOW(DAY, SLOTS)           \
	") e ORDER BY e.seq)"

const struct wb_pg_stmt sql_read_events[] =
    EACH_REACH("relay_read_events", READ_EVENTS);

#define READ_HELD(DAY, SLOTS)                                                  \
	"WITH " CURSORS("unnest($3::int[]) AS l (lane)", DAY, SLOTS)           \
	"SELECT " EVENT_ROW                                                    \
	"FROM cursors c CROSS JOIN LATERAL (" HELD_NOW ") e ORDER BY e.seq"

const struct wb_pg_stmt sql_read_held[] =
    EACH_REACH("relay_read_held", READ_HELD);

/* The event before e of its aggregate: its seq, or NULL if it is done. */
#define BEFORE(DAY, SLOTS, sequence, order)                                    \
	"(SELECT CASE WHEN NOT coalesce(pg_visible_in_snapshot(p.xid, c.done) "\
	"OR p.xid = c.part_xid AND p.seq <= c.part_seq, false) "               \
	"THEN p.seq END AS seq FROM outbox_events" DAY " p WHERE "             \
	SAME_AGGREGATE("p", "e") "AND p.sequence " sequence " AND "            \
	SLOTS("p") order " LIMIT 1)"

/* The event before e, unless it is published: not passed yet (then it is the
 * nearest one), or held. The one by number is looked for first: of all lower
 * ones the server reads a whole page of the index, and an old aggregate fills
 * many. */
#define FIND_BEFORE(DAY, SLOTS)                                                \
	"WITH " CURSORS("unnest($3::int[]) AS l (lane)", DAY, SLOTS)           \
	"SELECT e.place, coalesce((SELECT b.seq FROM ("                        \
	BEFORE(DAY, SLOTS, "= e.sequence - 1", "")                             \
	" UNION ALL "                                                          \
	BEFORE(DAY, SLOTS, "< e.sequence", " ORDER BY p.sequence DESC")        \
	" LIMIT 1) b), ("                                                      \
	"SELECT h.seq FROM outbox_held h WHERE " SAME_AGGREGATE("h", "e")      \
	"AND h.sequence < e.sequence ORDER BY h.sequence DESC LIMIT 1)) "      \
	"FROM unnest($4::int[], $5::int[], $6::text[], $7::text[], "           \
	"$8::bigint[]) AS e (place, lane, aggregate_type, aggregate_id, "      \
	"sequence) JOIN cursors c ON c.lane = e.lane"

const struct wb_pg_stmt sql_find_before[] =
    EACH_REACH("relay_find_before", FIND_BEFORE);

#define MOVE_CURSORS(DAY, SLOTS)                                               \
	"INSERT INTO outbox_batches" DAY " (lane, number, done, part_xid, "    \
	"part_seq, since, taken_at, events, slot) "                            \
	"SELECT lane, number, done::pg_snapshot, "                             \
	"nullif(part_xid, '0')::xid8, "                                        \
	"CASE WHEN part_xid <> '0' THEN part_seq END, "                        \
	FROM_MICROSECONDS("since") ", " FROM_MICROSECONDS("taken_at") ", "     \
	"events, coalesce($9::int, outbox_slot(clock_timestamp())) "           \
	"FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], "        \
	"$5::bigint[], $6::bigint[], $7::bigint[], $8::int[]) AS b (lane, "    \
	"number, done, part_xid, part_seq, since, taken_at, events)"

const struct wb_pg_stmt sql_move_cursors[] =
    EACH_REACH("relay_move_cursors", MOVE_CURSORS);

/* Pending deliveries; also the condition of their index. */
#define PENDING(d) d ".published_at IS NULL AND " d ".parked_at IS NULL"

const struct wb_pg_stmt sql_claim_deliveries = {
	"relay_claim_deliveries",
	"WITH due AS MATERIALIZED ("
	"SELECT d.*, octet_length(d.body)::bigint AS bytes "
	"FROM outbox_deliveries d WHERE " PENDING("d")
	" AND d.due_at <= now() AND d.due_at >= " FROM_MICROSECONDS("$1::bigint")
	" ORDER BY d.due_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED) "
	"SELECT c.id, c.event_id, c.queue, c.routing_key, c.content_type, "
	"c.headers, CASE WHEN c.bytes <= $3::bigint THEN c.body END, c.bytes, "
	MICROSECONDS("c.created_at") ", c.attempts::bigint, "
	MICROSECONDS("(SELECT o.due_at FROM outbox_deliveries o WHERE "
	             PENDING("o") " AND o.due_at >= "
	             FROM_MICROSECONDS("$1::bigint")
	             " ORDER BY o.due_at LIMIT 1)")
	" FROM (SELECT due.*, sum(due.bytes) FILTER (WHERE due.bytes <= "
	"$3::bigint) OVER (ORDER BY due.due_at, due.id ROWS BETWEEN UNBOUNDED "
	"PRECEDING AND 1 PRECEDING) AS bytes_before FROM due) c "
	"WHERE c.bytes_before IS NULL OR c.bytes_before < $4::bigint "
	"ORDER BY c.due_at, c.id",
};

const struct wb_pg_stmt sql_release_events = {
	"relay_release_events",
	"DELETE FROM outbox_held WHERE seq = ANY ($1::bigint[])",
};

const struct wb_pg_stmt sql_hold_events = {
	"relay_hold_events",
	"INSERT INTO outbox_held (seq, slot, lane, xid, aggregate_type, "
	"aggregate_id, sequence, created_at, attempts, retry_at, parked_at, "
	"reason) SELECT seq, slot, lane, xid::xid8, type, id, sequence, "
	FROM_MICROSECONDS("created_us") ", attempts, "
	"clock_timestamp() + wait_ms * interval '1 ms', "
	"CASE WHEN is_parked THEN clock_timestamp() END, reason "
	"FROM unnest($1::bigint[], $2::int[], $3::int[], $4::text[], "
	"$5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::int[], "
	"$10::bigint[], $11::bool[], $12::text[]) AS r (seq, slot, lane, xid, "
	"type, id, sequence, created_us, attempts, wait_ms, is_parked, reason) "
	"ON CONFLICT (seq) DO UPDATE SET attempts = excluded.attempts, "
	"retry_at = excluded.retry_at, parked_at = excluded.parked_at, "
	"reason = excluded.reason",
};

const struct wb_pg_stmt sql_let_events = {
	"relay_let_events",
	"UPDATE outbox_held h SET retry_at = clock_timestamp() "
	"FROM (SELECT DISTINCT type, id FROM unnest($1::text[], $2::text[]) "
	"AS u (type, id)) a CROSS JOIN LATERAL ("
	"SELECT f.seq FROM outbox_held f WHERE f.aggregate_type = a.type "
	"AND f.aggregate_id = a.id ORDER BY f.sequence LIMIT 1) first "
	"WHERE h.seq = first.seq AND h.retry_at IS NULL AND h.parked_at IS NULL",
};

const struct wb_pg_stmt sql_mark_deliveries = {
	"relay_mark_deliveries",
	"UPDATE outbox_deliveries SET published_at = clock_timestamp() "
	"WHERE id = ANY ($1::bigint[])",
};

const struct wb_pg_stmt sql_refuse_deliveries = {
	"relay_refuse_deliveries",
	"UPDATE outbox_deliveries d SET attempts = d.attempts + 1, "
	"reason = r.reason, "
	"due_at = coalesce(clock_timestamp() + r.wait_ms * interval '1 ms', "
	"d.due_at), "
	"parked_at = CASE WHEN r.wait_ms IS NULL THEN clock_timestamp() END "
	"FROM unnest($1::bigint[], $2::text[], $3::bigint[]) "
	"AS r(id, reason, wait_ms) WHERE d.id = r.id",
};

const struct wb_pg_stmt sql_begin = {
	"relay_begin",
	"SELECT count(c) = count(*) AND coalesce(max(pg_snapshot_xmax(c.done)) "
	"<= pg_snapshot_xmax(pg_current_snapshot()), false) AND NOT EXISTS ("
	"SELECT FROM outbox_lanes n CROSS JOIN LATERAL (SELECT FROM "
	"outbox_events e WHERE e.lane = n.lane AND e.xid >= "
	"pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1) ahead), "
	MICROSECONDS("coalesce(min(c.since), now())") ", " MICROSECONDS("now()")
	" FROM outbox_lanes l LEFT JOIN outbox_cursors c ON c.lane = l.lane",
};

/* The lock and the time limit that frees it are one statement, so that a relay
 * frozen right after it does not keep it. */
const struct wb_pg_stmt sql_gate_lock = {
	"relay_gate_lock",
	"SELECT set_config('idle_session_timeout', CASE WHEN "
	"pg_try_advisory_lock(" GATE ") THEN $1::text ELSE '0' END, false) "
	"<> '0'",
};

const struct wb_pg_stmt sql_gate_unlock = {
	"relay_gate_unlock",
	"SELECT pg_advisory_unlock(" GATE "), "
	"set_config('idle_session_timeout', '0', false)",
};

const struct wb_pg_stmt sql_gate_listen = {
	"relay_gate_listen",
	"LISTEN " SQL_WAKE_CHANNEL,
};

/* Of two numbers: no key of one number, as the gate's is, is the same. */
#define TEST_LOCK "8617204, $1::int"

const struct wb_pg_stmt sql_test_lock = {
	"relay_test_lock",
	"SELECT pg_try_advisory_lock(" TEST_LOCK ")",
};

/* As the trigger does it. */
const struct wb_pg_stmt sql_test_notify = {
	"relay_test_notify",
	"SELECT CASE WHEN pg_try_advisory_xact_lock_shared(" TEST_LOCK ") "
	"THEN false ELSE pg_notify('" SQL_WAKE_CHANNEL "', $2) IS NOT NULL END",
};

const struct wb_pg_stmt sql_test_unlock = {
	"relay_test_unlock",
	"SELECT pg_advisory_unlock(" TEST_LOCK ")",
};

/* Without SKIP LOCKED: what another relay has in hand may come back. */
#define GATE_CHECK(DAY, SLOTS)                                                 \
	"WITH " CURSORS("outbox_lanes l", DAY, SLOTS)                          \
	"SELECT EXISTS (SELECT FROM cursors c WHERE EXISTS ("                  \
	NOT_DONE("", DAY, SLOTS, "1") ") OR EXISTS (" DUE("", "1") ")) "       \
	"OR (SELECT true FROM outbox_deliveries d WHERE " PENDING("d")         \
	" AND d.due_at <= now() AND d.due_at >= "                              \
	FROM_MICROSECONDS("$3::bigint") " ORDER BY d.due_at LIMIT 1) "         \
	"IS NOT NULL, " MICROSECONDS("now()") ", "                             \
	"ceil(extract(epoch FROM least("                                       \
	"(SELECT min(t.retry_at) FROM outbox_lanes l CROSS JOIN LATERAL ("     \
	"SELECT h.retry_at FROM outbox_held h WHERE h.lane = l.lane "          \
	"AND h.retry_at > now() AND h.retry_at < 'infinity' "                  \
	"ORDER BY h.retry_at LIMIT 1) t), "                                    \
	"(SELECT d.due_at FROM outbox_deliveries d WHERE " PENDING("d")        \
	" AND d.due_at > now() AND d.due_at < 'infinity' "                     \
	"ORDER BY d.due_at LIMIT 1)) - now()) * 1000)::bigint"

const struct wb_pg_stmt sql_gate_check[] = EACH_REACH("relay_gate_check", GATE_CHECK);

/* Counting stops at a limit: it must stay cheap beside a long backlog. */
#define COUNTED " LIMIT 100000"

#define COUNT(DAY, SLOTS)                                                      \
	"WITH " CURSORS("outbox_lanes l", DAY, SLOTS) ", waiting AS MATERIALIZED (" \
	"SELECT w.created_at FROM cursors c CROSS JOIN LATERAL ("              \
	NOT_DONE("e.created_at", DAY, SLOTS, "100000") ") w" COUNTED "), "     \
	"held AS MATERIALIZED (SELECT h.created_at, h.parked_at "              \
	"FROM outbox_held h" COUNTED ") "                                      \
	"SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM held "  \
	"WHERE parked_at IS NULL) + "                                          \
	"(SELECT count(*) FROM (SELECT FROM outbox_deliveries d WHERE "        \
	PENDING("d") " AND d.due_at >= " FROM_MICROSECONDS("$3::bigint")       \
	" ORDER BY d.due_at" COUNTED ") n), "                                  \
	"(SELECT count(*) FROM held WHERE parked_at IS NOT NULL) + "           \
	"(SELECT count(*) FROM (SELECT FROM outbox_deliveries d WHERE "        \
	"d.published_at IS NULL AND d.parked_at IS NOT NULL "                  \
	"ORDER BY d.parked_at" COUNTED ") n), "                                \
	"coalesce(" MICROSECONDS("now() - least((SELECT min(created_at) "      \
	"FROM waiting), (SELECT min(created_at) FROM held "                    \
	"WHERE parked_at IS NULL))") ", 0)"

const struct wb_pg_stmt sql_count[] = EACH_REACH("relay_count", COUNT);

const struct wb_pg_stmt sql_oldest_open = {
	"relay_oldest_open",
	"SELECT pid::bigint, application_name, "
	MICROSECONDS("clock_timestamp() - xact_start") " FROM pg_stat_activity "
	"WHERE datname = current_database() AND pid <> pg_backend_pid() "
	"AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) "
	"AND xact_start < now() - interval '1 second' "
	"ORDER BY xact_start LIMIT 1",
};

const struct wb_pg_stmt sql_forget = {
	"relay_forget",
	"SELECT outbox_forget($1::int)::bigint",
};

const struct wb_pg_stmt sql_expire = {
	"relay_expire",
	"SELECT outbox_expire($1::int)::bigint",
};

/* clang-format on */

static const struct {
	const char *name, *value;
} settings[] = {
	/* In the order of the index, then. */
	{ "enable_sort", "off" },
	{ "max_parallel_workers_per_gather", "0" },
};

void
sql_settings(struct wb_pg *pg)
{
	wb_pg_pin_plans(pg);
	for (size_t i = 0; i < WB_ARRAY_LEN(settings); i++)
		wb_pg_setting(pg, settings[i].name, settings[i].value);
}

void
sql_slot_settings(struct wb_pg *pg, long long idle_tx_ms)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%lld", idle_tx_ms);
	sql_settings(pg);
	wb_pg_setting(pg, "idle_in_transaction_session_timeout", text);
}
