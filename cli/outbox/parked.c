/* `waybill outbox parked` and `show`: what the broker would not take. */
#include "verbs.h"

#include "dlq/layout.h"
#include "list.h"

#include "base/attr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct wb_column columns[] = {
	{ .key = "id", .title = "ID" },
	{ .key = "type", .title = "TYPE" },
	{ .key = "of", .title = "OF" },
	{ .key = "attempts", .title = "TRIED", .is_right = true },
	{ .key = "parked_ms", .title = "SINCE", .is_right = true },
	{ .key = "behind", .title = "BEHIND", .is_right = true },
	{ .key = "event_id" },
	{ .key = "reason", .title = "REASON" },
};

static void
add_row(struct wb_list *list, const char *database, struct wb_rows *rows)
{
	struct wb_buf id = { 0 };

	wb_buf_printf(&id, "%s:%s:%s", database, wb_rows_text(rows, 0),
	              wb_rows_text(rows, 1));
	wb_list_text(list, wb_buf_text(&id));
	wb_list_text(list, wb_rows_text(rows, 3));
	wb_list_text(list, wb_rows_text(rows, 4));
	wb_list_i64(list, wb_rows_i64(rows, 5));
	wb_list_age_ms(list, wb_rows_i64(rows, 6));
	wb_list_i64(list, wb_rows_i64(rows, 8));
	wb_list_text(list, wb_rows_text(rows, 2));
	wb_list_text(list, wb_rows_text(rows, 7));
	wb_buf_fini(&id);
}

static enum wb_err
print_rows(struct wb_cli *cli, struct wb_list *list, struct wb_db *db,
           const struct wb_outbox_params *params, struct wb_note *note)
{
	/* One more, to see whether there are more. */
	struct wb_rows *rows =
	    wb_parked_read(db, params->type, params->limit + 1);
	int64_t n = 0;

	while (wb_rows_next(rows) && n++ < params->limit)
		add_row(list, wb_db_service(db), rows);
	if (n > params->limit)
		wb_cli_complain(cli,
		                "%s: only the first %" PRId64 ", see "
		                "--limit",
		                wb_db_service(db), params->limit);
	return wb_rows_end(rows, note);
}

int
wb_outbox_parked(struct wb_cli *cli, const void *params)
{
	struct wb_outboxes outboxes = { 0 };
	struct wb_note note = { "" };
	struct wb_list *list;
	int status = WB_CLI_DONE;
	enum wb_err err = wb_outboxes_open(cli, &outboxes, &note);

	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	list = wb_list_new(cli, "parked", columns, WB_ARRAY_LEN(columns));
	for (size_t i = 0; i < outboxes.dbs.n; i++) {
		err =
		    print_rows(cli, list, outboxes.dbs.list[i], params, &note);
		if (err != WB_OK)
			status = wb_cli_fail(cli, err, &note);
	}
	wb_list_end(list, status == WB_CLI_DONE ? "Nothing is parked." : NULL);
	wb_outboxes_close(&outboxes);
	return status;
}

/* ---- one of them ---- */

static const struct wb_pg_stmt event_stmt = {
	.name = "outbox_show_event",
	.sql = "SELECT row_to_json(r) FROM ("
	       " SELECT e.event_id, e.event_type AS type, e.aggregate_type,"
	       "  e.aggregate_id, e.sequence, e.exchange, e.routing_key,"
	       "  e.headers, e.correlation_id, e.causation_id, e.traceparent,"
	       "  e.created_at, h.attempts, h.parked_at, h.reason, e.payload"
	       " FROM outbox_held h JOIN outbox_events e"
	       "  ON e.slot = h.slot AND e.lane = h.lane AND e.xid = h.xid"
	       "  AND e.seq = h.seq"
	       " WHERE h.seq = $1::bigint AND h.parked_at IS NOT NULL) r",
};

/* The body may be no text at all; escaped, it does no harm to a terminal. */
static const struct wb_pg_stmt delivery_stmt = {
	.name = "outbox_show_delivery",
	.sql = "SELECT row_to_json(r) FROM ("
	       " SELECT d.event_id, d.routing_key AS type, d.consumer, d.queue,"
	       "  d.replay, d.attempt, d.headers, d.content_type, d.due_at,"
	       "  d.created_at, d.attempts, d.parked_at, d.reason,"
	       "  encode(d.body, 'escape') AS body_escaped"
	       " FROM outbox_deliveries d WHERE d.id = $1::bigint"
	       "  AND d.published_at IS NULL AND d.parked_at IS NOT NULL) r",
};

static void
print_row(struct wb_cli *cli, const char *json)
{
	struct wb_buf lines = { 0 };

	if (cli->is_json) {
		wb_json_raw(wb_cli_json(cli), "row", json);
		return;
	}
	wb_layout_lines(json, strlen(json), &lines);
	(void)fputs(wb_buf_text(&lines), stdout);
	wb_buf_fini(&lines);
}

int
wb_outbox_show(struct wb_cli *cli, const void *params)
{
	struct wb_parked_id id;
	struct wb_pg_args *args;
	struct wb_rows *rows;
	struct wb_db *db = NULL;
	struct wb_note note = { "" };
	bool is_there = false;
	enum wb_err err = wb_parked_id_parse(cli->args[0], &id, &note);

	(void)params;
	if (err == WB_OK)
		err = wb_db_open(cli, id.database, &db, &note);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	args = wb_pg_args_new();
	wb_pg_arg_i64(args, id.number);
	rows = wb_db_query(db, id.is_delivery ? &delivery_stmt : &event_stmt,
	                   args);
	if (wb_rows_next(rows)) {
		is_there = true;
		print_row(cli, wb_rows_text(rows, 0));
	}
	err = wb_rows_end(rows, &note);
	if (err == WB_OK && !is_there)
		err = wb_fail(&note, WB_ERR_FAILED,
		              "%s: there is no such parked row", cli->args[0]);
	wb_db_close(db);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
