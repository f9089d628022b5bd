/* A database: each round is one or two statements, outside a transaction. */
#include "top.h"

#include "base/attr.h"
#include "base/clock.h"
#include "db.h"

#include <string.h>

enum {
	/* Counting ends there: it must not weigh on a server that is busy. */
	MAX_COUNT = 100000,
	STATEMENT_TIMEOUT_MS = 5000,
	GRACE_MS = 1000,
	CONNECT_TIMEOUT_MS = 3000,
	RECONNECT_CAP_MS = 1000,
};

/* Statuses that an order passes through; where it ends, it is no longer
 * counted: that would be a scan of a whole table. */
static const struct wb_top_saga sagas[] = {
	{ .service = "orders",
	  .title = "Orders",
	  .stmt = { "top_orders",
	            "SELECT count(*), (extract(epoch FROM clock_timestamp()"
	            " - min(placed_at)) * 1000)::bigint,"
	            " count(*) FILTER (WHERE deadline_at < now()),"
	            " count(*) FILTER (WHERE cancel_requested_at IS NOT NULL)"
	            " FROM orders WHERE status = 'PENDING'" },
	  .keys = { "pending", "oldest_ms", "overdue", "cancelling" },
	  .n_keys = 4 },
	{ .service = "payments",
	  .title = "Payments",
	  .stmt = { "top_payments",
	            "SELECT count(*) FILTER (WHERE status = 'REQUESTED'),"
	            " count(*) FILTER (WHERE status = 'ATTEMPTING'),"
	            " count(*) FILTER (WHERE status = 'VOIDING'),"
	            " count(*) FILTER (WHERE status = 'REFUNDING'),"
	            " count(*) FILTER (WHERE due_at = 'infinity')"
	            " FROM payments WHERE status IN"
	            " ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')" },
	  .keys = { "requested", "attempting", "voiding", "refunding",
	            "parked" },
	  .n_keys = 5 },
	{ .service = "notifications",
	  .title = "Mails",
	  .stmt = { "top_mails",
	            "SELECT count(*), (extract(epoch FROM clock_timestamp()"
	            " - min(created_at)) * 1000)::bigint"
	            " FROM mails WHERE status = 'PENDING'" },
	  .keys = { "pending", "oldest_ms" },
	  .n_keys = 2 },
};

static const struct wb_top_saga *
find_saga(const char *service)
{
	for (size_t i = 0; i < WB_ARRAY_LEN(sagas); i++)
		if (strcmp(sagas[i].service, service) == 0)
			return &sagas[i];
	return NULL;
}

/* ---- the saga ---- */

static void
on_saga(const struct wb_pg_result *result, void *arg)
{
	struct wb_top_database *database = arg;

	for (size_t i = 0; i < database->saga->n_keys; i++)
		database->saga_values[i] =
		    wb_pg_is_null(result, 0, i) ? -1 : wb_pg_i64(result, 0, i);
}

/* A database of that name need not be the service's. */
static void
on_saga_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_top_database *database = arg;

	database->has_saga = outcome->end == WB_TX_COMMITTED;
	wb_top_ended(&database->source, WB_OK, "");
}

/* ---- the outbox ---- */

static void
on_overview(const struct wb_pg_result *result, void *arg)
{
	struct wb_top_database *database = arg;
	int64_t before = database->overview.numbers[WB_OUTBOX_INSERTED];
	int64_t before_us = database->inserted_us, now_us = wb_mono_us(), n;

	wb_outbox_overview_from_result(&database->overview, result);
	n = database->overview.numbers[WB_OUTBOX_INSERTED] - before;
	database->inserted_us = now_us;
	/* A sequence that was set back says nothing. */
	if (before_us == 0 || now_us == before_us || n < 0)
		database->events_per_s = -1;
	else
		database->events_per_s =
		    (double)n * 1e6 / (double)(now_us - before_us);
}

static void
on_overview_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_top_database *database = arg;

	if (outcome->end != WB_TX_COMMITTED)
		wb_top_ended(&database->source, outcome->err, outcome->message);
	else if (database->saga == NULL)
		wb_top_ended(&database->source, WB_OK, "");
	else
		wb_pg_query(database->pg, &database->saga->stmt, NULL, on_saga,
		            on_saga_done, database);
}

void
wb_top_database_ask(struct wb_top_database *database)
{
	struct wb_pg_args *args;

	if (database->source.is_asking || !wb_pg_is_idle(database->pg))
		return;
	database->source.is_asking = true;
	database->source.asked_us = wb_mono_us();
	args = wb_pg_args_new();
	wb_pg_arg_i64(args, MAX_COUNT);
	wb_pg_query(database->pg, &wb_outbox_overview_stmt, args, on_overview,
	            on_overview_done, database);
	wb_pg_args_free(args);
}

/* ---- the connection ---- */

static void
on_ready(void *arg)
{
	wb_top_database_ask(arg);
}

static void
on_lost(void *arg, const char *why)
{
	struct wb_top_database *database = arg;

	database->inserted_us = 0;
	wb_top_ended(&database->source, WB_ERR_DB_LOST, why);
}

enum wb_err
wb_top_database_open(struct wb_top_database *database, struct wb_cli *cli,
                     const char *name, struct wb_note *note)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};
	enum wb_err err = wb_db_dsn(cli, name, &database->dsn, note);

	database->name = name;
	database->saga = find_saga(name);
	database->events_per_s = -1;
	if (err != WB_OK)
		return err;
	database->params = (struct wb_pg_params){
		.dsn = database->dsn.data,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.statement_timeout_ms = STATEMENT_TIMEOUT_MS,
		.tx_deadline_ms = STATEMENT_TIMEOUT_MS + GRACE_MS,
		.reconnect_cap_ms = RECONNECT_CAP_MS,
	};
	database->pg = wb_pg_new(cli->loop, &database->params, cli->name,
	                         &events, database);
	return WB_OK;
}

void
wb_top_database_close(struct wb_top_database *database)
{
	wb_pg_free(database->pg);
	wb_buf_fini(&database->dsn);
}
