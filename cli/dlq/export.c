/* `waybill dlq export`: whole messages as JSON lines, from the queues or from
 * what a job has kept. Nothing leaves a queue. */
#include "verbs.h"

#include "db.h"
#include "look.h"

#include <stdio.h>
#include <string.h>

struct exporting {
	const struct wb_filter *filter;
	struct wb_buf line;
	bool has_failed; /* stdout does not take it */
};

static void
write_line(struct exporting *exporting)
{
	wb_buf_adds(&exporting->line, "\n");
	if (fwrite(exporting->line.data, 1, exporting->line.len, stdout) !=
	    exporting->line.len)
		exporting->has_failed = true;
	wb_buf_clear(&exporting->line);
}

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct exporting *exporting = arg;

	if (exporting->has_failed ||
	    !wb_filter_matches(exporting->filter, letter))
		return;
	wb_letter_print(letter, &exporting->line);
	write_line(exporting);
}

static enum wb_err
export_queues(struct wb_cli *cli, struct exporting *exporting,
              struct wb_note *note)
{
	struct wb_dlq_consumers consumers;
	struct wb_look_counts counts;
	struct wb_look *look = NULL;
	enum wb_err err = wb_dlq_consumers(exporting->filter, &consumers, note);

	if (err == WB_OK)
		err = wb_look_open(cli, &look, note);
	for (size_t i = 0; err == WB_OK && i < consumers.n; i++)
		err = wb_look_read(look, consumers.list[i], on_letter,
		                   exporting, &counts, note);
	wb_look_close(look);
	return err;
}

/* What was discarded or edited, as it was. */
static enum wb_err
export_job(struct wb_cli *cli, struct exporting *exporting, const char *job,
           struct wb_note *note)
{
	static const struct wb_pg_stmt select = {
		.name = "dlq_originals",
		.sql = "SELECT original FROM dlq_items"
		       " WHERE job = $1 AND original IS NOT NULL ORDER BY ord",
	};
	const char *consumer = wb_job_consumer(job);
	struct wb_pg_args *args;
	struct wb_rows *rows;
	struct wb_db *db = NULL;
	size_t n = 0;
	enum wb_err err;

	if (consumer == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "\"%.60s\" is no name of a job", job);
	err = wb_db_open(cli, consumer, &db, note);
	if (err != WB_OK)
		return err;
	args = wb_pg_args_new();
	wb_pg_arg_text(args, job);
	rows = wb_db_stream(db, &select, args);
	for (; wb_rows_next(rows); n++) {
		wb_buf_adds(&exporting->line, wb_rows_text(rows, 0));
		write_line(exporting);
	}
	err = wb_rows_end(rows, note);
	wb_db_close(db);
	if (err == WB_OK && n == 0)
		return wb_fail(note, WB_ERR_FAILED,
		               "job %s has kept no message (a replay keeps "
		               "none: it is in a queue)",
		               job);
	return err;
}

int
wb_dlq_export(struct wb_cli *cli, const void *params)
{
	const struct wb_dlq_export_params *p = params;
	struct exporting exporting = { 0 };
	struct wb_filter filter;
	struct wb_note note = { "" };
	enum wb_err err = wb_filter_init(&filter, &p->filter, &note);

	exporting.filter = &filter;
	if (err == WB_OK && p->job[0] != '\0')
		err = export_job(cli, &exporting, p->job, &note);
	else if (err == WB_OK)
		err = export_queues(cli, &exporting, &note);
	if (err == WB_OK && (exporting.has_failed || fflush(stdout) != 0))
		err = wb_fail(&note, WB_ERR_IO, "stdout: can't be written");
	wb_buf_fini(&exporting.line);
	wb_filter_fini(&filter);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
