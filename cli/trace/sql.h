/* What a story is read by. $1 is the orders' ids, or the events'. */
#ifndef WB_CLI_TRACE_SQL_H
#define WB_CLI_TRACE_SQL_H

#include "pg/pg.h"

/* The order's row, $1::uuid[]. */
extern const struct wb_pg_stmt trace_sql_order;

/* Its rows elsewhere, all of one form: order_id, status, since, due, is_parked,
 * tries, detail, cause code, cause detail. */
extern const struct wb_pg_stmt trace_sql_reservation, trace_sql_payment,
    trace_sql_shipment, trace_sql_mail;

/* Its events in an outbox, $1::text[], and in history's log, $1::uuid[]. */
extern const struct wb_pg_stmt trace_sql_events, trace_sql_log;

/* When events were confirmed, $1::text[] as above. */
extern const struct wb_pg_stmt trace_sql_confirms;

/* What a consumer ($1) has done about events ($2::uuid[]). */
extern const struct wb_pg_stmt trace_sql_facts;

#endif
