/* The journal's side of a job: one short transaction after the other, each with
 * what has gathered meanwhile. */
#include "job_priv.h"

#include "base/clock.h"
#include "base/crash.h"

#include <string.h>

/* Per statement. */
#define MOST_MARKS 5000u

#define TX_DEADLINE_MS 60000
#define RETRY_MS       500

/* Between two looks for verdicts; longer where a look itself takes long. */
#define JUDGE_US    100000
#define JUDGE_TIMES 4

/* So long the letters' channel outlives the last ack. Of a quorum queue it
 * keeps acks back while more than 32 are not applied yet, forgets them when it
 * is closed, and tells nobody: their letters would be back. Source:
 * rabbit_fifo_client:settle/3. */
#define SETTLE_US 500000

/* ---- results ---- */

static void
on_lock(const struct wb_pg_result *result, void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->has_lock = wb_pg_rows(result) == 1 && wb_pg_bool(result, 0, 0);
}

static void
on_counts(const struct wb_pg_result *result, void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->now_handled = (size_t)wb_pg_i64(result, 0, WB_JOURNAL_HANDLED);
	job->now_failed = (size_t)wb_pg_i64(result, 0, WB_JOURNAL_FAILED);
}

/* ---- the end of a transaction ---- */

static void
drop_first(struct wb_places *places, size_t n)
{
	if (n == 0)
		return;
	places->n -= n;
	memmove(places->list, places->list + n,
	        places->n * sizeof *places->list);
}

static void
settle_marks(struct wb_job *job)
{
	int64_t now_us = wb_mono_us();

	for (size_t i = 0; i < job->marking.n; i++) {
		struct wb_item *item = &job->items.list[job->marking.list[i]];

		item->state = WB_ITEM_SENT;
		job->n_sent++;
		wb_job_ack(job, item);
		WB_CRASH_POINT("dlq.acked");
	}
	if (job->marking.n > 0)
		job->last_mark_us = job->progress_us = now_us;
	job->marking.n = 0;
	/* More may have been found missing since the transaction began. */
	job->n_gone += job->n_gone_marking;
	drop_first(&job->gone, job->n_gone_marking);
	if (!job->is_judging)
		return;
	if (job->now_handled + job->now_failed > job->n_handled + job->n_failed)
		job->progress_us = now_us;
	job->n_handled = job->now_handled;
	job->n_failed = job->now_failed;
	job->judge_took_us = now_us - job->tx_began_us;
	job->judge_at_us = now_us + (job->judge_took_us * JUDGE_TIMES > JUDGE_US
	                                 ? job->judge_took_us * JUDGE_TIMES
	                                 : JUDGE_US);
}

/* They are committed or not: to mark them again does no harm. */
static void
take_marks_back(struct wb_job *job)
{
	for (size_t i = 0; i < job->marking.n; i++) {
		uint32_t place = job->marking.list[i];

		job->items.list[place].state = WB_ITEM_SAFE;
		wb_places_add(&job->safe, place);
	}
	job->marking.n = 0;
}

static void
retry(struct wb_job *job, const struct wb_tx_outcome *outcome)
{
	int64_t now_us = wb_mono_us();

	take_marks_back(job);
	if (job->db_failed_since_us == 0)
		job->db_failed_since_us = now_us;
	if (now_us - job->db_failed_since_us <
	    job->cli->common.wait_ms * 1000) {
		wb_timer_start_ms(&job->db_timer, RETRY_MS);
		return;
	}
	wb_job_fail(job, outcome->err, "the journal can't be written: %s",
	            outcome->message);
}

static void
on_written(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_job *job;
	bool was_ending;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	was_ending = job->is_ending;
	job->is_db_busy = job->is_ending = false;
	if (job->state == WB_JOB_ENDED)
		return;
	if (outcome->end != WB_TX_COMMITTED) {
		retry(job, outcome);
		return;
	}
	WB_CRASH_POINT("dlq.marked");
	job->db_failed_since_us = 0;
	settle_marks(job);
	if (!job->has_lock)
		wb_job_fail(job, WB_ERR_FAILED,
		            "another process has taken the job over");
	else if (was_ending)
		wb_job_enter(job, WB_JOB_ENDED);
	else
		wb_job_weigh(job);
	wb_job_kick(job);
}

/* ---- its begin ---- */

static bool
is_quiet(const struct wb_job *job)
{
	return job->safe.n == 0 && job->gone.n == 0 &&
	       (job->sender == NULL ||
	        wb_sender_unconfirmed(job->sender) == 0) &&
	       wb_mono_us() - job->acked_us >= SETTLE_US;
}

static void
mark_safe(struct wb_job *job, struct wb_tx *tx)
{
	size_t n = job->safe.n;

	if (n == 0)
		return;
	if (n > MOST_MARKS)
		n = MOST_MARKS;
	for (size_t i = 0; i < n; i++) {
		uint32_t place = job->safe.list[i];

		job->items.list[place].state = WB_ITEM_MARKING;
		wb_places_add(&job->marking, place);
	}
	drop_first(&job->safe, n);
	wb_journal_mark_sent(tx, job->args, job->row.name,
	                     job->row.kind == WB_JOB_DISCARD, job->marking.list,
	                     n);
}

static void
mark_gone(struct wb_job *job, struct wb_tx *tx)
{
	job->n_gone_marking = job->gone.n;
	if (job->gone.n > 0)
		wb_journal_mark_gone(tx, job->args, job->row.name,
		                     job->gone.list, job->gone.n);
}

void
wb_job_write(struct wb_job *job)
{
	int64_t now_us = wb_mono_us();
	bool is_due, is_ending;
	struct wb_tx *tx;

	if (job->is_db_busy || job->state < WB_JOB_RUNNING ||
	    job->state == WB_JOB_ENDED || wb_timer_is_pending(&job->db_timer))
		return;
	is_ending = job->state == WB_JOB_LEAVING && is_quiet(job);
	is_due = wb_job_pending(job) > 0 &&
	         (is_ending || now_us >= job->judge_at_us);
	if (job->safe.n == 0 && job->gone.n == 0 && !is_due && !is_ending)
		return;
	if (!wb_pg_is_idle(job->pg)) { /* it reconnects by itself */
		retry(job,
		      &(struct wb_tx_outcome){ .err = WB_ERR_DB_LOST,
		                               .message = wb_pg_why(job->pg) });
		return;
	}
	job->is_db_busy = true;
	job->is_judging = is_due;
	job->is_ending = is_ending;
	job->has_lock = false;
	job->tx_began_us = now_us;
	tx = wb_tx_begin(job->pg, on_written, job);
	wb_tx_deadline_ms(tx, TX_DEADLINE_MS);
	wb_tx_query(tx, &wb_journal_lock, NULL, on_lock, job);
	mark_safe(job, tx);
	mark_gone(job, tx);
	if (is_due)
		wb_journal_judge(tx, job->args, job->row.name,
		                 job->row.consumer, on_counts, job);
	if (is_ending && job->end_status != NULL)
		wb_journal_status(tx, job->args, &job->row, job->end_status,
		                  job->end_note.text);
	WB_CRASH_POINT("dlq.before_mark");
	wb_tx_commit(tx);
}
