#include "overview.h"

#include <stdio.h>

enum {
	COL_OPEN_BY = WB_OUTBOX_N_NUMBERS,
	COL_OPEN_STATE,
	COL_SEES_ALL,
};

/* clang-format off */
const struct wb_pg_stmt wb_outbox_overview_stmt = {
	.name = "outbox_overview",
	.sql =
	"WITH waiting AS MATERIALIZED ("
	"  SELECT u.created_at FROM outbox_unpublished u"
	"    WHERE u.parked_at IS NULL LIMIT $1::bigint),"
	" deliveries AS MATERIALIZED ("
	"  SELECT d.due_at FROM outbox_deliveries d"
	"    WHERE d.published_at IS NULL AND d.parked_at IS NULL"
	"    LIMIT $1::bigint),"
	/* A prepared transaction has no session, and outlives them all. */
	" open AS ("
	"  SELECT a.xact_start, a.pid, a.state,"
	"    coalesce(nullif(a.application_name, ''), a.backend_type) AS name"
	"    FROM pg_stat_activity a"
	"    WHERE a.datname = current_database()"
	"      AND a.pid <> pg_backend_pid()"
	"      AND (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)"
	"  UNION ALL"
	"  SELECT p.prepared, NULL, 'prepared', p.gid FROM pg_prepared_xacts p"
	"    WHERE p.database = current_database()"
	"  ORDER BY 1 LIMIT 1)"
	" SELECT (SELECT count(*) FROM waiting),"
	"  (extract(epoch FROM clock_timestamp()"
	"    - (SELECT min(created_at) FROM waiting)) * 1000)::bigint,"
	"  (SELECT count(*) FROM outbox_held WHERE parked_at IS NULL),"
	"  (SELECT count(*) FROM deliveries WHERE due_at <= now()),"
	"  (SELECT count(*) FROM deliveries WHERE due_at > now()),"
	"  (SELECT count(*) FROM outbox_held WHERE parked_at IS NOT NULL)"
	"  + (SELECT count(*) FROM outbox_deliveries"
	"      WHERE published_at IS NULL AND parked_at IS NOT NULL),"
	"  (SELECT CASE WHEN is_called THEN last_value ELSE 0 END"
	"    FROM outbox_events_seq),"
	"  (extract(epoch FROM clock_timestamp() - o.xact_start)"
	"    * 1000)::bigint,"
	"  o.pid::bigint, o.name, o.state,"
	"  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
	" FROM (SELECT) AS one LEFT JOIN open o ON true",
};
/* clang-format on */

static void
keep_texts(struct wb_outbox_overview *overview, const char *open_by,
           const char *open_state)
{
	(void)snprintf(overview->open_by, sizeof(overview->open_by), "%.79s",
	               open_by);
	(void)snprintf(overview->open_state, sizeof(overview->open_state),
	               "%.39s", open_state);
}

void
wb_outbox_overview_from_rows(struct wb_outbox_overview *overview,
                             const struct wb_rows *rows)
{
	for (size_t i = 0; i < WB_OUTBOX_N_NUMBERS; i++)
		overview->numbers[i] =
		    wb_rows_is_null(rows, i) ? -1 : wb_rows_i64(rows, i);
	keep_texts(overview, wb_rows_text(rows, COL_OPEN_BY),
	           wb_rows_text(rows, COL_OPEN_STATE));
	overview->sees_all = wb_rows_bool(rows, COL_SEES_ALL);
}

void
wb_outbox_overview_from_result(struct wb_outbox_overview *overview,
                               const struct wb_pg_result *result)
{
	for (size_t i = 0; i < WB_OUTBOX_N_NUMBERS; i++)
		overview->numbers[i] =
		    wb_pg_is_null(result, 0, i) ? -1 : wb_pg_i64(result, 0, i);
	keep_texts(overview, wb_pg_text(result, 0, COL_OPEN_BY),
	           wb_pg_text(result, 0, COL_OPEN_STATE));
	overview->sees_all = wb_pg_bool(result, 0, COL_SEES_ALL);
}
