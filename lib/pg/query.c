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

	/* Up to the Sync it is all one transaction. */
	wb_tx_send_settings(tx);
	if (!pg->is_doomed)
		wb_tx_send(tx, &command, args);
	wb_tx_send_sync(tx);
}

/* The settings go in front, and last as long: the whole string is one
 * transaction. */
static int
send_script(const struct wb_pg *pg, const char *sql)
{
	struct wb_buf text = { 0 };
	int is_sent = 0;

	if (!pg->is_pooled)
		return PQsendQuery(pg->conn, sql);
	wb_buf_printf(&text, "%s; %s", wb_buf_text(&pg->settings.local), sql);
	is_sent = PQsendQuery(pg->conn, wb_buf_text(&text));
	wb_buf_fini(&text);
	return is_sent;
}

void
wb_pg_script(struct wb_pg *pg, const char *sql, wb_tx_done_fn done, void *arg)
{
	const struct wb_pg_command command = { .kind = WB_PG_SCRIPT };
	struct wb_tx *tx =
	    wb_tx_start(pg, WB_TX_SCRIPT, WB_TX_STATE_CLOSING, done, arg);

	/* Strings of several statements don't go through a pipeline. */
	if (PQexitPipelineMode(pg->conn) == 0 || send_script(pg, sql) == 0) {
		wb_pg_doom(pg, WB_ERR_DB_LOST, PQerrorMessage(pg->conn));
		return;
	}
	wb_pg_pending_push(&tx->pending, &command);
	wb_pg_io_flush_later(pg);
}
