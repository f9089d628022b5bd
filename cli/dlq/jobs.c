/* `waybill dlq jobs`: the journal. Without arguments all jobs, the newest
 * first; with names what became of each message. */
#include "verbs.h"

#include "db.h"
#include "list.h"
#include "services.h"

#include <stdio.h>
#include <string.h>

/* ---- all jobs ---- */

static const struct wb_pg_stmt select_jobs = {
	.name = "dlq_jobs",
	.sql =
	    "SELECT j.job, j.kind, j.who, j.status, j.filter,"
	    " concat_ws('; ', nullif(j.why, ''), nullif(j.note, '')),"
	    " (extract(epoch FROM clock_timestamp() - j.created_at) * 1000)"
	    "::bigint, i.* FROM dlq_jobs j, LATERAL (SELECT count(*),"
	    " count(sent_at), count(*) FILTER (WHERE outcome = 'handled'),"
	    " count(*) FILTER (WHERE outcome = 'failed'),"
	    " count(*) FILTER (WHERE sent_at IS NOT NULL AND outcome IS NULL)"
	    " FROM dlq_items WHERE job = j.job) i"
	    " ORDER BY j.created_at DESC LIMIT 1000",
};

static void
print_job(struct wb_list *list, const struct wb_rows *rows)
{
	wb_list_text(list, wb_rows_text(rows, 0));
	wb_list_text(list, wb_rows_text(rows, 1));
	wb_list_text(list, wb_rows_text(rows, 2));
	if (strcmp(wb_rows_text(rows, 3), "done") != 0)
		wb_list_style(list, WB_STYLE_WARN);
	wb_list_text(list, wb_rows_text(rows, 3));
	wb_list_age_ms(list, wb_rows_i64(rows, 6));
	for (size_t i = 7; i < 12; i++)
		wb_list_i64(list, wb_rows_i64(rows, i));
	wb_list_text(list, wb_rows_text(rows, 4));
	wb_list_text(list, wb_rows_text(rows, 5));
}

static int
list_jobs(struct wb_cli *cli)
{
	static const struct wb_column columns[] = {
		{ .key = "job", .title = "JOB" },
		{ .key = "kind", .title = "KIND" },
		{ .key = "who", .title = "WHO" },
		{ .key = "status", .title = "STATUS" },
		{ .key = "age_ms", .title = "AGE", .is_right = true },
		{ .key = "selected", .title = "SELECTED", .is_right = true },
		{ .key = "sent", .title = "SENT", .is_right = true },
		{ .key = "handled", .title = "HANDLED", .is_right = true },
		{ .key = "failed_again", .title = "FAILED", .is_right = true },
		{ .key = "pending", .title = "PENDING", .is_right = true },
		{ .key = "filter", .title = "WHAT" },
		{ .key = "note", .title = "NOTE" },
	};
	struct wb_list *list =
	    wb_list_new(cli, "jobs", columns, WB_ARRAY_LEN(columns));
	struct wb_note note = { "" };
	enum wb_err err = WB_OK;

	for (size_t i = 0; err == WB_OK && i < WB_N_SERVICES; i++) {
		struct wb_db *db = NULL;
		struct wb_rows *rows;

		if (wb_services[i].queue == NULL)
			continue;
		err = wb_db_open(cli, wb_services[i].name, &db, &note);
		if (err != WB_OK)
			break;
		rows = wb_db_query(db, &select_jobs, NULL);
		while (wb_rows_next(rows))
			print_job(list, rows);
		err = wb_rows_end(rows, &note);
		wb_db_close(db);
	}
	wb_list_end(list, err == WB_OK ? "There are no jobs." : NULL);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}

/* ---- one job ---- */

static const struct wb_pg_stmt select_items = {
	.name = "dlq_job_items",
	.sql = "SELECT letter, event_type, error_code, coalesce(outcome,"
	       " CASE WHEN sent_at IS NULL THEN 'waiting' ELSE 'pending' END),"
	       " CASE WHEN outcome = 'failed' THEN told ELSE error END"
	       " FROM dlq_items WHERE job = $1 ORDER BY ord",
};

static enum wb_err
list_items(struct wb_cli *cli, const char *job, struct wb_note *note)
{
	static const struct wb_column columns[] = {
		{ .key = "id", .title = "ID" },
		{ .key = "type", .title = "TYPE" },
		{ .key = "error_code", .title = "ERROR" },
		{ .key = "outcome", .title = "OUTCOME" },
		{ .key = "reason", .title = "REASON" },
	};
	struct wb_pg_args *args;
	struct wb_list *list;
	struct wb_rows *rows;
	struct wb_db *db = NULL;
	enum wb_err err = wb_db_open(cli, wb_job_consumer(job), &db, note);

	if (err != WB_OK)
		return err;
	args = wb_pg_args_new();
	wb_pg_arg_text(args, job);
	list = wb_list_new(cli, "items", columns, WB_ARRAY_LEN(columns));
	rows = wb_db_stream(db, &select_items, args);
	while (wb_rows_next(rows))
		for (size_t i = 0; i < WB_ARRAY_LEN(columns); i++)
			wb_list_text(list, wb_rows_text(rows, i));
	err = wb_rows_end(rows, note);
	wb_list_end(list, NULL);
	wb_db_close(db);
	return err;
}

int
wb_dlq_jobs(struct wb_cli *cli, const void *params)
{
	struct wb_job_report report = { .name = "" };
	struct wb_note note = { "" };
	enum wb_err err;

	(void)params;
	if (cli->n_args == 0)
		return list_jobs(cli);
	err = wb_job_look(cli, cli->args[0], &report, &note);
	if (err == WB_OK && cli->is_json)
		wb_json_array(wb_cli_json(cli), "jobs");
	if (err == WB_OK)
		wb_dlq_print_report(cli, &report);
	if (err == WB_OK && cli->is_json)
		wb_json_close(wb_cli_json(cli));
	if (err == WB_OK && !cli->is_json)
		puts("");
	if (err == WB_OK)
		err = list_items(cli, cli->args[0], &note);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
