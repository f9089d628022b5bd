/* What runs outside a transaction block: single statements and scripts. */
#include "pg/internal.h"

#include "base/attr.h"

void
wb_pg_query(struct wb_pg *pg, const struct wb_pg_stmt *stmt,
            const struct wb_pg_args *args, wb_tx_result_fn on_result,
            wb_tx_done_fn done, void *arg)
{
	const struct wb_pg_command command = {
		.kind = WB_PG_QUERY,
		.stmt = stmt,
		.on_result = on_result,
		.arg = arg,
	};
	struct wb_tx *tx =
	    wb_tx_start(pg, WB_TX_SINGLE, WB_TX_STATE_CLOSING, done, arg);

	wb_tx_send(tx, &command, args);
	wb_tx_send_sync(tx);
}

void
wb_pg_script(struct wb_pg *pg, const char *sql, wb_tx_done_fn done, void *arg)
{
	const struct wb_pg_command command = { .kind = WB_PG_SCRIPT };
	struct wb_tx *tx =
	    wb_tx_start(pg, WB_TX_SCRIPT, WB_TX_STATE_CLOSING, done, arg);

	/* Strings of several statements don't go through a pipeline. */
	if (PQexitPipelineMode(pg->conn) == 0 ||
	    PQsendQuery(pg->conn, sql) == 0) {
		wb_pg_doom(pg, WB_ERR_DB_LOST, PQerrorMessage(pg->conn));
		return;
	}
	wb_pg_pending_push(&tx->pending, &command);
	wb_pg_io_flush_later(pg);
}
