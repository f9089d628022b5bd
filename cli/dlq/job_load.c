/* A job that exists: read from its journal, looked at, ended. */
#include "job_priv.h"

#include "base/mem.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
wb_job_consumer(const char *name)
{
	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		size_t bytes = strlen(wb_services[i].name);

		if (wb_services[i].queue != NULL &&
		    strncmp(name, wb_services[i].name, bytes) == 0 &&
		    name[bytes] == '-')
			return wb_services[i].name;
	}
	return NULL;
}

enum wb_err
wb_job_open_journal(struct wb_job *job, bool is_alone, struct wb_note *note)
{
	struct wb_rows *rows;
	bool is_ours = false;
	enum wb_err err =
	    wb_db_open(job->cli, job->row.consumer, &job->db, note);

	if (err == WB_OK)
		err = wb_db_connect(job->db, &job->pg, note);
	if (err != WB_OK || !is_alone)
		return err;
	if (wb_pg_is_pooled(job->pg))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s: the journal's lock belongs to a session: "
		               "connect without a pooler",
		               job->row.consumer);
	rows = wb_db_query(job->db, &wb_journal_lock, NULL);
	while (wb_rows_next(rows))
		is_ours = wb_rows_bool(rows, 0);
	err = wb_rows_end(rows, note);
	if (err == WB_OK && !is_ours)
		return wb_fail(note, WB_ERR_FAILED,
		               "another `waybill dlq` job of %s is running",
		               job->row.consumer);
	return err;
}

static struct wb_pg_args *
name_args(const struct wb_job *job)
{
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_text(args, job->row.name);
	return args;
}

static enum wb_err
load_row(struct wb_job *job, struct wb_arena *arena, const char **ret_status,
         struct wb_note *note)
{
	static const struct wb_pg_stmt select = {
		.name = "dlq_load_job",
		.sql = "SELECT kind, who, why, filter, canary, rate,"
		       " stop_above, status FROM dlq_jobs WHERE job = $1",
	};
	struct wb_rows *rows = wb_db_query(job->db, &select, name_args(job));
	bool is_there = false;
	enum wb_err err;

	while (wb_rows_next(rows)) {
		const char *kind = wb_rows_text(rows, 0);

		is_there = true;
		for (int i = WB_JOB_REPLAY; i <= WB_JOB_DISCARD; i++)
			if (strcmp(kind,
			           wb_job_kind_text((enum wb_job_kind)i)) == 0)
				job->row.kind = (enum wb_job_kind)i;
		job->row.who = wb_arena_strdup(arena, wb_rows_text(rows, 1));
		job->row.why = wb_arena_strdup(arena, wb_rows_text(rows, 2));
		job->row.filter = wb_arena_strdup(arena, wb_rows_text(rows, 3));
		job->row.canary = wb_rows_i64(rows, 4);
		job->row.rate = wb_rows_i64(rows, 5);
		job->row.stop_above = wb_rows_i64(rows, 6);
		*ret_status = wb_arena_strdup(arena, wb_rows_text(rows, 7));
	}
	err = wb_rows_end(rows, note);
	if (err == WB_OK && !is_there)
		return wb_fail(note, WB_ERR_FAILED, "there is no job %s",
		               job->row.name);
	return err;
}

enum {
	LETTER,
	REPLAY,
	ATTEMPTS,
	EVENT_ID,
	IS_SENT,
	OUTCOME,
	EDITED,
};

static void
load_item(struct wb_job *job, struct wb_arena *arena, struct wb_rows *rows)
{
	struct wb_uuid event_id = wb_rows_uuid(rows, EVENT_ID);
	const char *outcome = wb_rows_text(rows, OUTCOME);
	struct wb_item_key key =
	    wb_item_key(wb_rows_text(rows, LETTER), wb_rows_text(rows, REPLAY),
	                wb_rows_i64(rows, ATTEMPTS));
	struct wb_item *item = wb_items_add(&job->items, &key, &event_id);

	if (wb_rows_bool(rows, IS_SENT)) {
		item->state = WB_ITEM_SENT;
		job->n_sent++;
		job->n_started++;
		job->n_handled += strcmp(outcome, "handled") == 0;
		job->n_failed += strcmp(outcome, "failed") == 0;
	} else if (outcome[0] != '\0') {
		item->state = WB_ITEM_GONE;
		job->n_gone++;
	}
	if (!wb_rows_is_null(rows, EDITED)) {
		const void *edited =
		    wb_rows_bytea(rows, EDITED, &job->edited_bytes);

		job->edited =
		    wb_arena_strndup(arena, edited, job->edited_bytes);
	}
}

enum wb_err
wb_job_load(struct wb_job *job, struct wb_arena *arena, const char **ret_status,
            struct wb_note *note)
{
	static const struct wb_pg_stmt select = {
		.name = "dlq_load_items",
		.sql = "SELECT letter, replay, attempts, event_id,"
		       " sent_at IS NOT NULL, outcome, edited FROM dlq_items"
		       " WHERE job = $1 ORDER BY ord",
	};
	enum wb_err err = load_row(job, arena, ret_status, note);
	struct wb_rows *rows;

	if (err != WB_OK)
		return err;
	rows = wb_db_stream(job->db, &select, name_args(job));
	while (wb_rows_next(rows))
		load_item(job, arena, rows);
	err = wb_rows_end(rows, note);
	job->n_sent_before = job->n_sent;
	job->n_handled_before = job->n_handled;
	job->n_failed_before = job->n_failed;
	return err;
}

/* ---- what needs no broker ---- */

/* Also what was sent: the job may be running, and have sent more since its
 * items were read. */
static void
on_counts(const struct wb_pg_result *result, void *arg)
{
	struct wb_job *job = arg;

	job->n_sent = (size_t)wb_pg_i64(result, 0, WB_JOURNAL_SENT);
	job->n_handled = (size_t)wb_pg_i64(result, 0, WB_JOURNAL_HANDLED);
	job->n_failed = (size_t)wb_pg_i64(result, 0, WB_JOURNAL_FAILED);
}

static void
on_judged(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_job *job = arg;

	job->is_db_busy = false;
	if (outcome->end != WB_TX_COMMITTED)
		job->err = wb_fail(&job->note, outcome->err, "%s: %s",
		                   job->row.consumer, outcome->message);
	wb_loop_stop(job->loop);
}

/* end_status: NULL leaves the job's as it is. */
static enum wb_err
judge_once(struct wb_job *job, const char *end_status)
{
	struct wb_tx *tx = wb_tx_begin(job->pg, on_judged, job);

	job->is_db_busy = true;
	wb_journal_judge(tx, job->args, job->row.name, job->row.consumer,
	                 on_counts, job);
	if (end_status != NULL)
		wb_journal_status(tx, job->args, &job->row, end_status,
		                  "cancelled");
	wb_tx_commit(tx);
	while (job->is_db_busy)
		wb_loop_run(job->loop);
	return job->err;
}

enum wb_err
wb_job_cancel_loaded(struct wb_job *job, const char *status)
{
	if (strcmp(status, "running") != 0 && strcmp(status, "paused") != 0)
		return wb_fail(&job->note, WB_ERR_FAILED,
		               "job %s has ended: it is %s", job->row.name,
		               status);
	job->end_status = "cancelled";
	return judge_once(job, job->end_status);
}

enum wb_err
wb_job_look_loaded(struct wb_job *job, const char *status)
{
	job->end_status = status;
	return job->row.kind == WB_JOB_DISCARD ? WB_OK : judge_once(job, NULL);
}
