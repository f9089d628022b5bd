/* What one database alone can tell: a statement per row. Each yields rows of a
 * text and a number: text NULL: so many were checked; '': so many are too old
 * to be proved; else what is broken. One statement sees one snapshot, so all of
 * these hold at any moment. */
#include "audit.h"

#include <string.h>

/* ---- stock ---- */

static const char stock_sum[] =
    "SELECT NULL, count(*) FROM stock"
    " UNION ALL SELECT format('%s: received %s, on hand %s, reserved %s,"
    " shipped %s', sku, received, on_hand, reserved, shipped), 1 FROM stock"
    " WHERE received <> on_hand + reserved + shipped"
    " OR least(received, on_hand, reserved, shipped) < 0";

/* What the reservations hold counts from the time of their lines, which are
 * never changed. */
static const char stock_ledger[] =
    "WITH held AS (SELECT l.sku,"
    " sum(l.quantity) FILTER (WHERE v.status = 'RESERVED') AS reserved,"
    " sum(l.quantity) FILTER (WHERE v.status = 'SHIPPED') AS shipped"
    " FROM reservations v, unnest(v.skus, v.quantities) AS l (sku, quantity)"
    " GROUP BY l.sku), came AS (SELECT sku, sum(quantity) AS received"
    " FROM stock_receipts GROUP BY sku), both_ AS (SELECT sku,"
    " coalesce(s.received, 0) AS received, coalesce(s.reserved, 0) AS reserved,"
    " coalesce(s.shipped, 0) AS shipped, coalesce(c.received, 0) AS came,"
    " coalesce(h.reserved, 0) AS held, coalesce(h.shipped, 0) AS sent"
    " FROM stock s FULL JOIN came c USING (sku) FULL JOIN held h USING (sku))"
    " SELECT NULL, count(*) FROM both_"
    " UNION ALL SELECT format('%s: received %s, by receipts %s; reserved %s,"
    " by reservations %s; shipped %s, by reservations %s',"
    " sku, received, came, reserved, held, shipped, sent), 1 FROM both_"
    " WHERE (received, reserved, shipped) <> (came, held, sent)";

/* ---- sequences ---- */

/* own: the aggregates and how far they have counted themselves. seen: what the
 * outbox shows of each. A gap lies between two events: if the first of them is
 * kept for certain, so was what is missing. The same for the end; and the
 * beginning may be purged unless the aggregate is young enough, or nothing can
 * have been purged yet: the outbox is younger than the retention, and it was
 * not begun anew (outbox_rebase). */
#define SEQUENCE(type, own)                                                    \
	"WITH own AS (" own "), seen AS (SELECT aggregate_id AS id,"           \
	" count(*) AS n, min(sequence) AS first, max(sequence) AS last,"       \
	" max(created_at) AS newest FROM outbox_events GROUP BY 1),"           \
	" whole AS (SELECT coalesce(bool_and(b.taken_at = m.applied_at"        \
	" AND b.taken_at > now() - {days} * interval '24 hours'), false)"      \
	" AS is_whole FROM outbox_batches b, schema_migrations m"              \
	" WHERE b.number = 0 AND m.part = 'messaging' AND m.number = 1),"      \
	" both_ AS (SELECT id, o.sequence, o.created_at, n, first, last,"      \
	" newest, is_whole FROM own o FULL JOIN seen s USING (id), whole)"     \
	" SELECT NULL, count(*) FROM both_"                                    \
	" UNION ALL SELECT CASE WHEN g.before_at >= {kept} OR is_whole THEN"   \
	" format('{service}: %s: event %s is followed by %s', id, g.before,"   \
	" g.sequence) ELSE '' END, 1 FROM both_, LATERAL (SELECT sequence,"    \
	" lag(sequence) OVER w AS before, lag(created_at) OVER w AS before_at" \
	" FROM outbox_events e WHERE e.aggregate_type = '" type "'"            \
	" AND e.aggregate_id = id"                                             \
	" WINDOW w AS (ORDER BY sequence)) g"                                  \
	" WHERE n <> last - first + 1 AND g.sequence <> g.before + 1"          \
	" UNION ALL SELECT CASE WHEN created_at >= {kept} OR is_whole THEN"    \
	" format('{service}: %s: begins with event %s', id, first)"            \
	" ELSE '' END, 1 FROM both_ WHERE first > 1"                           \
	" UNION ALL SELECT CASE WHEN coalesce(newest, created_at) >= {kept}"   \
	" OR is_whole OR sequence < last THEN"                                 \
	" format('{service}: %s: is at event %s, its last one is %s', id,"     \
	" sequence, coalesce(last, 0)) ELSE '' END, 1"                         \
	" FROM both_ WHERE sequence <> coalesce(last, 0)"

static const char sequence_catalog[] = SEQUENCE(
    "product", "SELECT sku AS id, sequence, NULL::timestamptz AS created_at"
               " FROM products");
static const char sequence_customers[] = SEQUENCE(
    "customer", "SELECT customer_id::text AS id, 1::bigint AS sequence,"
                " registered_at AS created_at FROM customers");
static const char sequence_orders[] = SEQUENCE(
    "order", "SELECT order_id::text AS id, sequence, placed_at AS created_at"
             " FROM orders");
static const char sequence_inventory[] =
    SEQUENCE("order", "SELECT order_id::text AS id, sequence, created_at"
                      " FROM reservations");
static const char sequence_payments[] = SEQUENCE(
    "order", "SELECT order_id::text AS id, sequence, created_at FROM payments");
static const char sequence_shipping[] = SEQUENCE(
    "order",
    "SELECT order_id::text AS id, sequence, created_at FROM shipments");

/* ---- outboxes ---- */

/* What waits behind a parked event of its aggregate is that one's business. */
static const char drains[] =
    "SELECT NULL, count(*) FROM outbox_unpublished"
    " UNION ALL SELECT NULL, count(*) FROM outbox_deliveries"
    " WHERE published_at IS NULL"
    " UNION ALL SELECT format('{service}: event %s (%s of %s) has not been"
    " published', event_id, event_type, aggregate_id), 1"
    " FROM outbox_unpublished u WHERE parked_at IS NULL AND created_at < {old}"
    " AND NOT EXISTS (SELECT FROM outbox_held h WHERE h.parked_at IS NOT NULL"
    " AND h.aggregate_type = u.aggregate_type"
    " AND h.aggregate_id = u.aggregate_id)"
    " UNION ALL SELECT format('{service}: delivery %s (event %s for %s, due"
    " %s) has not been published', id, event_id, queue, due_at), 1"
    " FROM outbox_deliveries WHERE published_at IS NULL AND parked_at IS NULL"
    " AND due_at < {old}";

static const char parked[] =
    "SELECT NULL, count(*) FROM outbox_parked"
    " UNION ALL SELECT format('{service}: %s %s (event %s, %s of %s): %s',"
    " kind, id, event_id, name, belongs_to, reason), 1 FROM outbox_parked";

static const char payments_parked[] =
    "SELECT NULL, count(*) FROM payments WHERE status IN ('REQUESTED',"
    " 'ATTEMPTING', 'VOIDING', 'REFUNDING')"
    " UNION ALL SELECT format('order %s: %s, refused %s times: %s', order_id,"
    " status, refusals, refused_with), 1 FROM payments_parked";

/* ---- history ---- */

/* The latest end in the log is the order's status. */
static const char view_of_log[] =
    "WITH log AS (SELECT order_id, (array_agg(order_status(type)"
    " ORDER BY occurred_at DESC, order_status(type) DESC)"
    " FILTER (WHERE order_status(type) IS NOT NULL))[1] AS status,"
    " min(total_minor) AS total_minor FROM order_events GROUP BY order_id),"
    " told AS (SELECT order_id, status, total_minor FROM orders"
    " WHERE generation = (SELECT serving FROM projection))"
    " SELECT NULL, count(*) FROM log"
    " UNION ALL SELECT format('order %s: shown as %s %s, its log says %s %s',"
    " order_id, coalesce(t.status, 'absent'), t.total_minor,"
    " coalesce(l.status, 'PENDING'), l.total_minor), 1"
    " FROM log l FULL JOIN told t USING (order_id)"
    " WHERE (coalesce(l.status, 'PENDING'), l.total_minor)"
    " IS DISTINCT FROM (t.status, t.total_minor)";

/* A mail that is due for long is no longer on its way. */
static const char mails[] =
    "SELECT format('order %s: the mail %s waits since %s: %s', order_id, kind,"
    " created_at, answer), 1 FROM mails WHERE status = 'PENDING'"
    " AND created_at < {old}";

static const struct {
	enum audit_invariant id;
	const char *service; /* NULL: all */
	const char *sql;
} tables[] = {
	{ AUDIT_STOCK_SUM, "inventory", stock_sum },
	{ AUDIT_STOCK_LEDGER, "inventory", stock_ledger },
	{ AUDIT_SEQUENCE, "catalog", sequence_catalog },
	{ AUDIT_SEQUENCE, "customers", sequence_customers },
	{ AUDIT_SEQUENCE, "orders", sequence_orders },
	{ AUDIT_SEQUENCE, "inventory", sequence_inventory },
	{ AUDIT_SEQUENCE, "payments", sequence_payments },
	{ AUDIT_SEQUENCE, "shipping", sequence_shipping },
	{ AUDIT_DRAINS, NULL, drains },
	{ AUDIT_PARKED, NULL, parked },
	{ AUDIT_REFUNDS, "payments", payments_parked },
	{ AUDIT_VIEW, "history", view_of_log },
	{ AUDIT_TOLD, "notifications", mails },
};

enum { TEXT, NUMBER };

static void
take(struct audit *audit, enum audit_invariant id, const struct wb_rows *rows)
{
	if (wb_rows_is_null(rows, TEXT))
		audit_checked(audit, id, wb_rows_i64(rows, NUMBER));
	else if (wb_rows_bytes(rows, TEXT) == 0)
		audit_unprovable(audit, id, wb_rows_i64(rows, NUMBER));
	else
		audit_broken(audit, id, "%s", wb_rows_text(rows, TEXT));
}

static enum wb_err
check(struct audit *audit, struct audit_stream *stream, size_t i,
      struct wb_note *note)
{
	const char *name = wb_arena_printf(audit->arena, "audit_table_%zu", i);
	enum wb_err err =
	    audit_stream_start(audit, stream, name, tables[i].sql, note);

	if (err != WB_OK)
		return err;
	while (wb_rows_next(stream->rows))
		take(audit, tables[i].id, stream->rows);
	err = wb_rows_end(stream->rows, note);
	stream->rows = NULL;
	return err;
}

/* All of a service's on one connection. */
static enum wb_err
check_service(struct audit *audit, struct audit_stream *stream,
              struct wb_note *note)
{
	const char *service = wb_db_service(stream->db);
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < WB_ARRAY_LEN(tables) && err == WB_OK; i++)
		if (tables[i].service == NULL ||
		    strcmp(tables[i].service, service) == 0)
			err = check(audit, stream, i, note);
	return err;
}

enum wb_err
audit_tables(struct audit *audit, struct wb_note *note)
{
	struct audit_stream streams[WB_N_SERVICES] = { { 0 } };
	struct wb_note why;
	enum wb_err end, err = WB_OK;

	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		err = audit_stream_connect(audit, &streams[i],
		                           wb_services[i].name, note);
	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		err = check_service(audit, &streams[i], note);
	end = audit_streams_close(streams, WB_N_SERVICES, &why);
	if (err == WB_OK && end != WB_OK)
		*note = why;
	return err != WB_OK ? err : end;
}

/* ---- how far back the outboxes reach ---- */

/* Whole days are purged, so those within the retention are whole. An outbox
 * that was begun (anew, see outbox_rebase) since then has nothing from before.
 */
static const char begins[] =
    "SELECT 0, (extract(epoch FROM greatest(to_timestamp(floor(extract(epoch"
    " FROM now() - {days} * interval '24 hours') / 86400) * 86400),"
    " max(taken_at) FILTER (WHERE number = 0))) * 1000)::bigint"
    " FROM outbox_batches";

enum wb_err
audit_find_kept(struct audit *audit, struct wb_note *note)
{
	struct audit_stream streams[WB_N_SERVICES] = { { 0 } };
	struct wb_note why;
	enum wb_err end, err = WB_OK;

	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		if (wb_services[i].has_events)
			err = audit_stream_connect(audit, &streams[i],
			                           wb_services[i].name, note);
	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++) {
		if (!wb_services[i].has_events)
			continue;
		err = audit_stream_start(audit, &streams[i], "audit_begins",
		                         begins, note);
		if (err == WB_OK && wb_rows_next(streams[i].rows) &&
		    wb_rows_i64(streams[i].rows, NUMBER) > audit->kept_ms)
			audit->kept_ms = wb_rows_i64(streams[i].rows, NUMBER);
	}
	end = audit_streams_close(streams, WB_N_SERVICES, &why);
	if (err == WB_OK && end != WB_OK)
		*note = why;
	return err != WB_OK ? err : end;
}
