/* How rows are found, claimed and marked. */
#include "sql.h"

#include <stdio.h>

#include "base/attr.h"

/* Statements are laid out by hand. */
/* clang-format off */

/* The advisory lock of the gate; the triggers on the tables know it too. */
#define GATE "8617204431"

#define MICROSECONDS(time) "(extract(epoch FROM " time ") * 1000000)::bigint"
#define FROM_MICROSECONDS(us)                                                  \
	"(timestamptz 'epoch' + " us " * interval '1 microsecond')"

/* Pending rows. Each condition is also that of a partial index. */
#define PENDING(e) e ".published_at IS NULL AND " e ".parked_at IS NULL"

/* Plans are made when a statement is first used, often on empty tables, where
 * all plans cost the same. So each statement leaves only one plan that needs no
 * sort (sorting and other kinds of scan are off, see print() below): by the
 * order that it asks for, and by expressions that fit no other index. */

/* An event may be claimed when neither it nor an earlier one of its aggregate
 * waits for its next try, and no earlier one is parked. A scalar subquery is a
 * probe of the index by its aggregate whatever the statistics say; NOT EXISTS
 * would become a join with all that is held. */
#define AGGREGATE(e) "(" e ".aggregate_type || ':' || " e ".aggregate_id)"
#define HELD(e)                                                                \
	e ".published_at IS NULL "                                             \
	"AND (" e ".attempts > 0 OR " e ".parked_at IS NOT NULL)"
#define CLAIMABLE(e)                                                           \
	PENDING(e) " AND (" e ".retry_at IS NULL OR " e ".retry_at <= now()) " \
	"AND (SELECT true FROM outbox_events held WHERE " AGGREGATE("held")    \
	" = " AGGREGATE(e) " AND held.sequence < " e ".sequence AND "          \
	HELD("held") " AND held.aggregate_type || '' = " e ".aggregate_type "  \
	"AND (held.parked_at IS NOT NULL OR held.retry_at > now()) "           \
	"ORDER BY held.sequence LIMIT 1) IS NULL"

/* Refused events whose time has come; they may be far below the floor. */
#define DUE_AGAIN(columns, condition, most)                                    \
	"SELECT " columns " FROM outbox_events r WHERE r.retry_at <= now() "   \
	"AND " condition " AND " CLAIMABLE("r") " ORDER BY r.retry_at "        \
	"LIMIT " most

/* The events of one lane from a seq on, in order. */
#define OF_LANE(e, lane, from)                                                 \
	"(" e ".lane, " e ".seq) >= (" lane ", " from ") "                     \
	"AND (" e ".lane, " e ".seq) < (" lane " + 1, 0)"
#define IN_ORDER(e) " ORDER BY " e ".lane, " e ".seq "

/* One index probe per lane, so that a lane with a long backlog hides no other. */
#define HEADS(columns, from, condition)                                        \
	"SELECT " columns " FROM outbox_lanes l CROSS JOIN LATERAL ("          \
	"SELECT e.seq, e.created_at FROM outbox_events e "                     \
	"WHERE " OF_LANE("e", "l.lane", from) " AND " condition                \
	IN_ORDER("e") "LIMIT 1) h"

const struct wb_pg_stmt sql_lock_lanes = {
	"relay_lock_lanes",
	"WITH heads AS MATERIALIZED ("
	"SELECT s.lane, min(s.seq) AS seq FROM ("
	HEADS("l.lane, h.seq", "CASE WHEN l.lane = ANY ($3::int[]) THEN 0 "
	      "ELSE $1::bigint END", CLAIMABLE("e"))
	" UNION ALL (" DUE_AGAIN("r.lane, r.seq", "r.seq < $1::bigint", "1000")
	")) s GROUP BY s.lane) "
	"SELECT l.lane::int, heads.seq, (SELECT min(seq) FROM heads) "
	"FROM heads JOIN outbox_lanes l ON l.lane = heads.lane "
	"ORDER BY heads.seq LIMIT $2::bigint FOR UPDATE OF l SKIP LOCKED",
};

const struct wb_pg_stmt sql_read_events = {
	"relay_read_events",
	"SELECT c.seq, c.event_id, c.aggregate_type, c.aggregate_id, "
	"c.sequence, c.event_type, "
	"CASE WHEN c.bytes <= $5::bigint THEN c.payload END, c.bytes, "
	"c.correlation_id, c.causation_id::text, c.traceparent, "
	MICROSECONDS("c.created_at") ", c.attempts::bigint, "
	"CASE WHEN c.sequence > 1 THEN ("
	"SELECT CASE WHEN p.published_at IS NULL THEN p.seq END "
	"FROM outbox_events p WHERE p.aggregate_type = c.aggregate_type "
	"AND p.aggregate_id = c.aggregate_id AND p.sequence < c.sequence "
	"ORDER BY p.sequence DESC LIMIT 1) END "
	"FROM (SELECT b.*, sum(b.bytes) FILTER (WHERE b.bytes <= $5::bigint) "
	"OVER (ORDER BY b.seq ROWS BETWEEN UNBOUNDED PRECEDING "
	"AND 1 PRECEDING) AS bytes_before "
	"FROM unnest($1::int[]) AS l(lane) CROSS JOIN LATERAL ("
	"SELECT e.*, octet_length(e.payload::text)::bigint AS bytes "
	"FROM outbox_events e "
	"WHERE " OF_LANE("e", "l.lane", "$2::bigint") " AND "
	CLAIMABLE("e") IN_ORDER("e") "LIMIT $3::bigint) b) c "
	"WHERE c.bytes_before IS NULL OR c.bytes_before < $6::bigint "
	"ORDER BY c.seq LIMIT $4::bigint",
};

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

const struct wb_pg_stmt sql_mark_events = {
	"relay_mark_events",
	"UPDATE outbox_events SET published_at = clock_timestamp(), "
	"retry_at = NULL WHERE seq = ANY ($1::bigint[])",
};

const struct wb_pg_stmt sql_mark_deliveries = {
	"relay_mark_deliveries",
	"UPDATE outbox_deliveries SET published_at = clock_timestamp() "
	"WHERE id = ANY ($1::bigint[])",
};

const struct wb_pg_stmt sql_refuse_events = {
	"relay_refuse_events",
	"UPDATE outbox_events e SET attempts = e.attempts + 1, "
	"reason = r.reason, "
	"retry_at = clock_timestamp() + r.wait_ms * interval '1 ms', "
	"parked_at = CASE WHEN r.wait_ms IS NULL THEN clock_timestamp() END "
	"FROM unnest($1::bigint[], $2::text[], $3::bigint[]) "
	"AS r(seq, reason, wait_ms) WHERE e.seq = r.seq",
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
	"SELECT coalesce((SELECT max(seq) FROM outbox_events), 0), "
	MICROSECONDS("now()"),
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

/* Without SKIP LOCKED: what another relay has in hand may come back. */
const struct wb_pg_stmt sql_gate_check = {
	"relay_gate_check",
	"SELECT EXISTS (" HEADS("", "$1::bigint", CLAIMABLE("e")) ") "
	"OR (" DUE_AGAIN("true", "r.seq < $1::bigint", "1") ") IS NOT NULL "
	"OR (SELECT true FROM outbox_deliveries d WHERE " PENDING("d")
	" AND d.due_at <= now() AND d.due_at >= "
	FROM_MICROSECONDS("$2::bigint") " ORDER BY d.due_at LIMIT 1) "
	"IS NOT NULL, "
	"coalesce((SELECT max(seq) FROM outbox_events), 0), "
	MICROSECONDS("now()") ", "
	"ceil(extract(epoch FROM least("
	"(SELECT r.retry_at FROM outbox_events r WHERE " PENDING("r")
	" AND r.retry_at > now() AND r.retry_at < 'infinity' "
	"ORDER BY r.retry_at LIMIT 1), "
	"(SELECT d.due_at FROM outbox_deliveries d WHERE " PENDING("d")
	" AND d.due_at > now() AND d.due_at < 'infinity' "
	"ORDER BY d.due_at LIMIT 1)) - now()) * 1000)"
	"::bigint",
};

/* Counting stops at a limit: it must stay cheap beside a long backlog. */
#define COUNTED " LIMIT 100000"

const struct wb_pg_stmt sql_count = {
	"relay_count",
	"SELECT (SELECT count(*) FROM (SELECT FROM outbox_lanes l "
	"CROSS JOIN LATERAL (SELECT FROM outbox_events e WHERE "
	OF_LANE("e", "l.lane", "$1::bigint") " AND " PENDING("e")
	IN_ORDER("e") COUNTED ") p" COUNTED ") n) + "
	"(SELECT count(*) FROM (SELECT FROM outbox_deliveries d WHERE "
	PENDING("d") " AND d.due_at >= " FROM_MICROSECONDS("$2::bigint")
	" ORDER BY d.due_at" COUNTED ") n), "
	"(SELECT count(*) FROM (SELECT FROM outbox_events e WHERE " HELD("e")
	" AND e.parked_at IS NOT NULL ORDER BY " AGGREGATE("e")
	", e.sequence" COUNTED ") n) + "
	"(SELECT count(*) FROM (SELECT FROM outbox_deliveries d WHERE "
	"d.published_at IS NULL AND d.parked_at IS NOT NULL "
	"ORDER BY d.parked_at" COUNTED ") n), "
	"coalesce((" HEADS(MICROSECONDS("now() - min(h.created_at)"),
	                   "$1::bigint", PENDING("e")) "), 0)",
};

/* clang-format on */

static void
print(char text[SQL_CONNECT_BYTES], const char *more)
{
	int bytes = snprintf(
	    text, SQL_CONNECT_BYTES,
	    "SET client_encoding = 'UTF8'; SET enable_bitmapscan = off; "
	    "SET enable_seqscan = off; SET enable_sort = off; SET jit = off; "
	    "SET plan_cache_mode = force_generic_plan; %s",
	    more);

	WB_ASSERT(bytes > 0 && bytes < SQL_CONNECT_BYTES);
}

void
sql_queue_connect(char text[SQL_CONNECT_BYTES], long long idle_tx_ms)
{
	char more[96];

	(void)snprintf(more, sizeof more,
	               "SET idle_in_transaction_session_timeout = %lld",
	               idle_tx_ms);
	print(text, more);
}

void
sql_gate_connect(char text[SQL_CONNECT_BYTES], bool is_listening)
{
	print(text, is_listening ? "LISTEN " SQL_WAKE_CHANNEL : "");
}
