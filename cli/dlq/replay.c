/* `waybill dlq replay` and `discard`: jobs, dry or wet, new or resumed. */
#include "verbs.h"

#include "db.h"
#include "look.h"

#include <stdio.h>
#include <string.h>

/* ---- how it went ---- */

static void
print_told(struct wb_cli *cli, const struct wb_job_report *report)
{
	static const struct wb_pg_stmt select = {
		.name = "dlq_told",
		.sql = "SELECT split_part(told, ':', 1), count(*), min(told)"
		       " FROM dlq_items WHERE job = $1 AND outcome = 'failed'"
		       " GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
	};
	struct wb_pg_args *args;
	struct wb_db *db = NULL;
	struct wb_rows *rows;
	struct wb_note note = { "" };

	if (report->failed == 0 ||
	    wb_db_open(cli, wb_job_consumer(report->name), &db, &note) != WB_OK)
		return;
	args = wb_pg_args_new();
	wb_pg_arg_text(args, report->name);
	rows = wb_db_query(db, &select, args);
	while (wb_rows_next(rows))
		printf("  %lld failed again: %s\n",
		       (long long)wb_rows_i64(rows, 1), wb_rows_text(rows, 2));
	if (wb_rows_end(rows, &note) != WB_OK)
		wb_cli_complain(cli, "%s", note.text);
	wb_db_close(db);
}

static void
print_json(struct wb_json *json, const struct wb_job_report *report)
{
	wb_json_object(json, NULL);
	wb_json_text(json, "job", report->name);
	wb_json_text(json, "status", report->status);
	wb_json_text(json, "why", report->why.text);
	wb_json_i64(json, "selected", (int64_t)report->selected);
	wb_json_i64(json, "sent", (int64_t)report->sent);
	wb_json_i64(json, "handled", (int64_t)report->handled);
	wb_json_i64(json, "failed_again", (int64_t)report->failed);
	wb_json_i64(json, "pending", (int64_t)report->pending);
	wb_json_i64(json, "gone", (int64_t)report->gone);
	wb_json_i64(json, "sent_now", (int64_t)report->n_sent_now);
	wb_json_i64(json, "sending_ms", report->sending_us / 1000);
	wb_json_close(json);
}

static void
print_counts(const struct wb_job_report *report)
{
	double seconds = (double)report->sending_us / 1e6;

	printf("  %zu selected, %zu sent", report->selected, report->sent);
	if (report->n_sent_now > 0 && seconds > 0)
		printf(" (%zu now, in %.1f s: %.0f/s)", report->n_sent_now,
		       seconds, (double)report->n_sent_now / seconds);
	printf(", %zu handled, %zu failed again", report->handled,
	       report->failed);
	if (report->pending > 0)
		printf(", %zu without a verdict", report->pending);
	if (report->gone > 0)
		printf(", %zu no longer in the dead-letter queue",
		       report->gone);
	puts("");
}

void
wb_dlq_print_report(struct wb_cli *cli, const struct wb_job_report *report)
{
	bool is_done = strcmp(report->status, "done") == 0;
	enum wb_style style = is_done ? WB_STYLE_GOOD : WB_STYLE_WARN;

	if (cli->is_json) {
		print_json(wb_cli_json(cli), report);
		return;
	}
	printf("%s: %s%s%s%s%s\n", report->name, wb_style(cli, style),
	       report->status, wb_style(cli, WB_STYLE_NONE),
	       report->why.text[0] == '\0' ? "" : ": ", report->why.text);
	print_counts(report);
	print_told(cli, report);
	if (strcmp(report->status, "paused") == 0 ||
	    strcmp(report->status, "running") == 0)
		printf("  go on:   waybill dlq replay --resume=%s\n"
		       "  give up: waybill dlq replay --cancel=%s\n",
		       report->name, report->name);
}

static bool
is_all_well(const struct wb_job_report *report)
{
	return strcmp(report->status, "done") == 0 && report->failed == 0 &&
	       report->pending == 0 && report->gone == 0;
}

/* ---- new jobs ---- */

static int
run_job(struct wb_cli *cli, const struct wb_job_wish *wish, size_t *selected,
        bool *ret_is_stopped)
{
	struct wb_job_report report;
	struct wb_note note = { "" };
	enum wb_err err = wb_job_run(cli, wish, &report, &note);

	*selected += report.selected;
	*ret_is_stopped = err != WB_OK || report.was_interrupted ||
	                  strcmp(report.status, "paused") == 0;
	if (report.selected > 0)
		wb_dlq_print_report(cli, &report);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	if (report.was_interrupted)
		return WB_CLI_FAILED; /* others may not have begun */
	return report.selected == 0 || is_all_well(&report) ? WB_CLI_DONE
	                                                    : WB_CLI_FAILED;
}

int
wb_dlq_run_jobs(struct wb_cli *cli, const struct wb_dlq_job_params *params,
                const struct wb_filter *filter, struct wb_job_wish *wish,
                size_t *ret_selected)
{
	struct wb_buf who = { 0 }, words = { 0 };
	struct wb_dlq_consumers consumers;
	struct wb_note note = { "" };
	int status = WB_CLI_DONE;
	bool is_stopped = false;
	enum wb_err err = wb_dlq_consumers(filter, &consumers, &note);

	*ret_selected = 0;
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	wb_filter_print(filter, &words);
	wish->row.who = wb_cli_who(params->who, &who);
	wish->row.filter = wb_buf_text(&words);
	wish->row.why = params->reason == NULL ? "" : params->reason;
	wish->row.stop_above = -1;
	if (wish->row.kind == WB_JOB_REPLAY) {
		wish->row.canary = params->canary;
		wish->row.rate = params->rate < 0 ? 0 : params->rate;
		wish->row.stop_above = params->stop_above;
	}
	wish->filter = filter;
	wish->verdict_ms = params->verdict_ms;
	wish->memory_bytes = params->memory_mib << 20;
	if (cli->is_json)
		wb_json_array(wb_cli_json(cli), "jobs");
	for (size_t i = 0; i < consumers.n && !is_stopped; i++) {
		int one;

		wish->row.consumer = consumers.list[i];
		one = run_job(cli, wish, ret_selected, &is_stopped);
		status = one != WB_CLI_DONE ? one : status;
	}
	if (cli->is_json)
		wb_json_close(wb_cli_json(cli));
	else if (*ret_selected == 0 && status == WB_CLI_DONE)
		puts("No dead letter matches.");
	wb_buf_fini(&who);
	wb_buf_fini(&words);
	return status;
}

/* ---- a job that exists ---- */

int
wb_dlq_go_on(struct wb_cli *cli, const struct wb_dlq_job_params *params)
{
	struct wb_job_change change = {
		.rate = params->rate,
		.stop_above = params->stop_above < 0 ? -2 : params->stop_above,
		.verdict_ms = params->verdict_ms,
		.memory_bytes = params->memory_mib << 20,
	};
	struct wb_job_report report = { .name = "" };
	struct wb_note note = { "" };
	bool is_cancel = params->cancel[0] != '\0';
	enum wb_err err;

	err = is_cancel
	          ? wb_job_cancel(cli, params->cancel, &report, &note)
	          : wb_job_resume(cli, params->resume, &change, &report, &note);
	if (cli->is_json)
		wb_json_array(wb_cli_json(cli), "jobs");
	if (report.status[0] != '\0')
		wb_dlq_print_report(cli, &report);
	if (cli->is_json)
		wb_json_close(wb_cli_json(cli));
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	return is_cancel || is_all_well(&report) ? WB_CLI_DONE : WB_CLI_FAILED;
}

/* ---- what it would do ---- */

struct rehearsal {
	const struct wb_filter *filter;
	struct wb_groups *groups;
};

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct rehearsal *rehearsal = arg;

	if (wb_filter_matches(rehearsal->filter, letter))
		wb_groups_add(rehearsal->groups, letter);
}

static int
rehearse(struct wb_cli *cli, const struct wb_filter *filter, const char *what)
{
	struct rehearsal rehearsal = { .filter = filter };
	struct wb_dlq_consumers consumers;
	struct wb_look_counts counts;
	struct wb_look *look = NULL;
	struct wb_note note = { "" };
	size_t found = 0;
	enum wb_err err = wb_dlq_consumers(filter, &consumers, &note);

	rehearsal.groups = wb_groups_new();
	if (err == WB_OK)
		err = wb_look_open(cli, &look, &note);
	for (size_t i = 0; err == WB_OK && i < consumers.n; i++) {
		err = wb_look_read(look, consumers.list[i], on_letter,
		                   &rehearsal, &counts, &note);
		found += err == WB_OK ? counts.messages : 0;
	}
	wb_look_close(look);
	if (err == WB_OK) {
		size_t n = wb_groups_count(rehearsal.groups);

		wb_groups_print(rehearsal.groups, cli, NULL);
		if (cli->is_json)
			wb_json_i64(wb_cli_json(cli), "selected", (int64_t)n);
		else
			printf("%s%zu of %zu dead letters would be %s.\n",
			       n > 0 ? "\n" : "", n, found, what);
	}
	wb_groups_free(rehearsal.groups);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}

/* ---- the verbs ---- */

static enum wb_err
check(const struct wb_filter *filter, const struct wb_dlq_job_params *params,
      bool is_discard, struct wb_note *note)
{
	if (wb_filter_is_open(filter) && params->filter.consumer[0] == '\0')
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "say which dead letters: --consumer, --group or "
		               "another filter");
	if (is_discard && !params->is_dry_run && params->reason[0] == '\0')
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "--reason is needed: it is kept in the journal");
	return WB_OK;
}

static int
start(struct wb_cli *cli, const struct wb_dlq_job_params *params,
      enum wb_job_kind kind, const char *done)
{
	struct wb_job_wish wish = { .row.kind = kind };
	struct wb_filter filter;
	struct wb_note note = { "" };
	size_t selected;
	int status;
	enum wb_err err = wb_filter_init(&filter, &params->filter, &note);

	if (cli->n_args > 0)
		filter.one_id = cli->args[0];
	if (err == WB_OK)
		err = check(&filter, params, kind == WB_JOB_DISCARD, &note);
	if (err != WB_OK)
		status = wb_cli_fail(cli, err, &note);
	else if (params->is_dry_run)
		status = rehearse(cli, &filter, done);
	else
		status =
		    wb_dlq_run_jobs(cli, params, &filter, &wish, &selected);
	wb_filter_fini(&filter);
	return status;
}

int
wb_dlq_replay(struct wb_cli *cli, const void *params)
{
	const struct wb_dlq_job_params *p = params;

	if (p->resume[0] != '\0' || p->cancel[0] != '\0')
		return wb_dlq_go_on(cli, p);
	return start(cli, p, WB_JOB_REPLAY, "replayed");
}

int
wb_dlq_discard(struct wb_cli *cli, const void *params)
{
	return start(cli, params, WB_JOB_DISCARD, "discarded");
}
