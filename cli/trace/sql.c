#include "sql.h"

/* Statements are laid out by hand. */
/* clang-format off */

#define MICROSECONDS(time) "(extract(epoch FROM " time ") * 1000000)::bigint"
#define FINITE(time) MICROSECONDS("nullif(" time ", 'infinity')")

const struct wb_pg_stmt trace_sql_order = {
	"trace_order",
	"SELECT order_id, status, customer_id::text, currency, total_minor, "
	MICROSECONDS("placed_at") ", " MICROSECONDS("updated_at") ", "
	MICROSECONDS("deadline_at") ", " MICROSECONDS("cancel_requested_at")
	", cancel_refused, cause->>'code', cause->>'detail' "
	"FROM orders WHERE order_id = ANY ($1::uuid[])",
};

const struct wb_pg_stmt trace_sql_reservation = {
	"trace_reservation",
	"SELECT order_id, status, " MICROSECONDS("updated_at") ", "
	"NULL::bigint, false, 0, '', cause->>'code', cause->>'detail' "
	"FROM reservations WHERE order_id = ANY ($1::uuid[])",
};

/* A parked payment is due at infinity. */
const struct wb_pg_stmt trace_sql_payment = {
	"trace_payment",
	"SELECT order_id, status, " MICROSECONDS("updated_at") ", "
	"CASE WHEN status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', "
	"'REFUNDING') THEN " FINITE("due_at") " END, "
	"status = 'REFUNDING' AND due_at = 'infinity', calls, "
	"CASE WHEN refusals > 0 THEN refused_with END, "
	"cause->>'code', cause->>'detail' "
	"FROM payments WHERE order_id = ANY ($1::uuid[])",
};

const struct wb_pg_stmt trace_sql_shipment = {
	"trace_shipment",
	"SELECT order_id, status, " MICROSECONDS("created_at") ", "
	"NULL::bigint, false, 0, tracking_number, cause->>'code', "
	"cause->>'detail' FROM shipments WHERE order_id = ANY ($1::uuid[])",
};

/* The latest, should there ever be two kinds. */
const struct wb_pg_stmt trace_sql_mail = {
	"trace_mail",
	"SELECT order_id, status, " MICROSECONDS("updated_at") ", "
	"CASE WHEN status = 'PENDING' THEN " MICROSECONDS("due_at") " END, "
	"status = 'FAILED', tries, answer, NULL, NULL "
	"FROM mails WHERE order_id = ANY ($1::uuid[]) ORDER BY created_at",
};

/* A lane's cursor sees the transactions whose events are done, and of one more
 * the first of them: published, unless it is held or was discarded. */
#define IS_DONE(batch)                                                         \
	"(pg_visible_in_snapshot(e.xid, " batch ".done) OR "                   \
	"e.xid = " batch ".part_xid AND e.seq <= " batch ".part_seq)"

const struct wb_pg_stmt trace_sql_events = {
	"trace_events",
	"SELECT e.event_id, e.aggregate_id::uuid, e.event_type, e.sequence, "
	MICROSECONDS("e.created_at") ", e.causation_id, "
	"coalesce(" IS_DONE("c") ", false) AND h.seq IS NULL "
	"AND d.seq IS NULL, "
	"h.seq IS NOT NULL, h.attempts, " MICROSECONDS("h.retry_at") ", "
	MICROSECONDS("h.parked_at") ", h.reason, "
	MICROSECONDS("d.discarded_at") ", d.who, d.why "
	"FROM outbox_events e "
	"LEFT JOIN outbox_cursors c ON c.lane = e.lane "
	"LEFT JOIN outbox_held h ON h.seq = e.seq "
	"LEFT JOIN outbox_discarded d ON d.seq = e.seq "
	"WHERE e.aggregate_type = 'order' "
	"AND e.aggregate_id = ANY ($1::text[])",
};

const struct wb_pg_stmt trace_sql_log = {
	"trace_log",
	"SELECT event_id, order_id, type, sequence, "
	MICROSECONDS("occurred_at") ", " MICROSECONDS("recorded_at") ", "
	"source FROM order_events WHERE order_id = ANY ($1::uuid[])",
};

/* The first batch of its lane by which an event is done, by halving: a lane's
 * batches are many, and what one of them has done, all later ones have. Their
 * numbers may have gaps where old days are forgotten. */
const struct wb_pg_stmt trace_sql_confirms = {
	"trace_confirms",
	"SELECT e.event_id, e.aggregate_id::uuid, " MICROSECONDS("("
	"SELECT b.confirmed_at FROM outbox_batches b "
	"WHERE b.lane = e.lane AND b.number = f.number LIMIT 1)") " "
	"FROM outbox_events e CROSS JOIN LATERAL ("
	"WITH RECURSIVE search (low, high, found) AS ("
	"SELECT (SELECT min(b.number) FROM outbox_batches b "
	"WHERE b.lane = e.lane), (SELECT max(b.number) FROM outbox_batches b "
	"WHERE b.lane = e.lane), NULL::bigint "
	"UNION ALL "
	"SELECT CASE WHEN p.is_done THEN s.low "
	"WHEN p.number IS NULL THEN s.low ELSE p.number + 1 END, "
	"CASE WHEN p.is_done OR p.number IS NULL THEN "
	"(s.low + s.high) / 2 - 1 ELSE s.high END, "
	"CASE WHEN p.is_done THEN p.number ELSE s.found END "
	"FROM search s LEFT JOIN LATERAL ("
	"SELECT b.number, coalesce(" IS_DONE("b") ", false) AS is_done "
	"FROM outbox_batches b WHERE b.lane = e.lane "
	"AND b.number BETWEEN (s.low + s.high) / 2 AND s.high "
	"ORDER BY b.number LIMIT 1) p ON true WHERE s.low <= s.high) "
	"SELECT min(found) AS number FROM search) f "
	"WHERE e.aggregate_type = 'order' "
	"AND e.aggregate_id = ANY ($1::text[]) AND f.number IS NOT NULL",
};

/* As outbox_discard() leaves a delivery. */
#define IS_DISCARDED "published_at IS NOT NULL AND reason LIKE 'discarded by %'"

/* kind, event_id, at, nth, is_last, due, sent, parked, code, error, job and
 * outcome; of a deed: code is who, error is why. What somebody has discarded
 * was not sent: there, sent is when that was. In the order of their times. */
const struct wb_pg_stmt trace_sql_facts = {
	"trace_facts",
	"SELECT 'handled' AS kind, event_id, " MICROSECONDS("handled_at")
	" AS at, 0 AS nth, false AS is_last, NULL::bigint AS due, "
	"NULL::bigint AS sent, NULL::bigint AS parked, NULL AS code, "
	"NULL AS error, NULL AS job, NULL AS outcome "
	"FROM inbox WHERE consumer = $1::text AND event_id = ANY ($2::uuid[]) "
	"UNION ALL SELECT 'started', event_id, " MICROSECONDS("started_at")
	", starts, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
	"FROM inbox_starts WHERE consumer = $1::text "
	"AND event_id = ANY ($2::uuid[]) "
	"UNION ALL SELECT 'failed', event_id, " MICROSECONDS("created_at")
	", attempt - 1, queue <> consumer, " FINITE("due_at") ", "
	MICROSECONDS("published_at") ", "
	"CASE WHEN published_at IS NULL THEN " MICROSECONDS("parked_at") " END, "
	"headers->>'waybill-error-code', concat_ws('; ', "
	"headers->>'waybill-error', CASE WHEN " IS_DISCARDED " THEN reason "
	"WHEN published_at IS NULL AND parked_at IS NOT NULL "
	"THEN 'parked: ' || reason END), replay, "
	"CASE WHEN " IS_DISCARDED " THEN 'discarded' END "
	"FROM outbox_deliveries WHERE consumer = $1::text "
	"AND event_id = ANY ($2::uuid[]) "
	"UNION ALL SELECT j.kind, i.event_id, "
	MICROSECONDS("coalesce(i.sent_at, j.created_at)") ", 0, false, NULL, "
	MICROSECONDS("i.sent_at") ", NULL, j.who, j.why, j.job, i.outcome "
	"FROM dlq_items i JOIN dlq_jobs j USING (job) "
	"WHERE i.event_id = ANY ($2::uuid[]) ORDER BY at",
};
