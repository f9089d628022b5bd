/* The life of a job. */
#include "job_priv.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "services.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SELECT_DEADLINE_MS 3600000
#define TICK_MS            100
#define MISSING_MS         1000

static const unsigned moves[] = {
#define TO(name)    (1u << WB_JOB_##name)
#define X(name, to) [WB_JOB_##name] = (to),
	WB_JOB_STATE_TABLE(X)
#undef X
#undef TO
};

void
wb_places_add(struct wb_places *places, size_t place)
{
	if (places->n == places->cap) {
		places->cap = places->cap == 0 ? 1024 : 2 * places->cap;
		places->list = wb_realloc(places->list,
		                          places->cap * sizeof *places->list);
	}
	places->list[places->n++] = (uint32_t)place;
}

/* ---- states ---- */

void
wb_job_enter(struct wb_job *job, enum wb_job_state to)
{
	WB_ASSERT((moves[job->state] & (1u << to)) != 0);
	job->state = to;
	if (to == WB_JOB_ENDED)
		wb_loop_stop(job->loop);
	wb_job_kick(job);
}

void
wb_job_leave(struct wb_job *job, const char *status, const char *fmt, ...)
{
	va_list args;

	if (job->state != WB_JOB_RUNNING && job->state != WB_JOB_FOLLOWING)
		return;
	va_start(args, fmt);
	(void)vsnprintf(job->end_note.text, sizeof job->end_note.text, fmt,
	                args);
	va_end(args);
	job->end_status = status;
	wb_timer_start_ms(&job->leave_timer, job->cli->amqp.rpc_timeout_ms);
	wb_job_enter(job, WB_JOB_LEAVING);
}

void
wb_job_fail(struct wb_job *job, enum wb_err err, const char *fmt, ...)
{
	va_list args;

	if (job->state == WB_JOB_ENDED)
		return;
	va_start(args, fmt);
	(void)vsnprintf(job->note.text, sizeof job->note.text, fmt, args);
	va_end(args);
	job->err = err;
	wb_job_enter(job, WB_JOB_ENDED);
}

/* All of the selection is sent or gone, and what was sent by a process that was
 * killed has been found and acknowledged. */
static bool
is_sent(const struct wb_job *job)
{
	return job->n_sent + job->n_gone == job->items.n && job->has_read;
}

static bool
has_nothing_in_hand(const struct wb_job *job)
{
	return job->held_first == job->held.n && job->safe.n == 0 &&
	       job->marking.n == 0 && job->gone.n == 0 &&
	       (job->sender == NULL || wb_sender_unconfirmed(job->sender) == 0);
}

/* What is still OUT: for want of memory, or because somebody else holds it. */
static void
look_for_the_rest(struct wb_job *job)
{
	if (job->reader == NULL || !job->has_read || !has_nothing_in_hand(job))
		return;
	if (job->n_dropped > 0)
		wb_job_read_again(job);
	else if (!wb_timer_is_pending(&job->missing_timer))
		wb_timer_start_ms(&job->missing_timer, MISSING_MS);
}

static void
follow(struct wb_job *job)
{
	size_t pending = wb_job_pending(job);

	if (!job->has_read)
		return; /* reading again, for acks that were lost */
	if (pending == 0)
		wb_job_leave(job, "done", "%s", "");
	else if (wb_mono_us() - job->progress_us > job->verdict_ms * 1000)
		wb_job_leave(job, "done",
		             "%zu messages have no verdict yet: is %s "
		             "running?",
		             pending, job->row.consumer);
}

static void
on_kick(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->is_kicked = false;
	if (job->state == WB_JOB_RUNNING) {
		wb_job_send_some(job);
		if (is_sent(job))
			wb_job_enter(job, WB_JOB_FOLLOWING);
		else
			look_for_the_rest(job);
	}
	if (job->state == WB_JOB_FOLLOWING)
		follow(job);
	wb_job_write(job);
}

void
wb_job_kick(struct wb_job *job)
{
	if (job->is_kicked)
		return;
	job->is_kicked = true;
	wb_loop_defer(job->loop, on_kick, job);
}

/* ---- the selection's transaction ---- */

static void
on_selected(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->selection = NULL;
	job->is_db_busy = false;
	if (job->state == WB_JOB_ENDED)
		return;
	if (outcome->end == WB_TX_COMMITTED) {
		WB_CRASH_POINT("dlq.selected");
		wb_job_enter(job, WB_JOB_RUNNING);
		return;
	}
	wb_job_fail(job, outcome->err, "the journal of %s: %s%s",
	            job->row.consumer, outcome->message,
	            outcome->end == WB_TX_UNKNOWN
	                ? " (`waybill dlq jobs` tells whether the job exists)"
	                : "");
}

static void
begin_selection(struct wb_job *job)
{
	job->began_us = wb_wall_us();
	job->is_db_busy = true;
	job->selection = wb_tx_begin(job->pg, on_selected, job);
	wb_tx_deadline_ms(job->selection, SELECT_DEADLINE_MS);
	wb_journal_begin(job->selection, job->args, &job->row);
	wb_job_enter(job, WB_JOB_SELECTING);
}

/* ---- RabbitMQ ---- */

static void
on_ready(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	wb_timer_stop(&job->lost_timer);
	if (job->state == WB_JOB_STARTING) {
		if (job->filter != NULL)
			begin_selection(job);
		else
			wb_job_enter(job, WB_JOB_RUNNING);
	}
	wb_job_open(job);
}

/* The channels have told their own end. */
static void
on_lost(void *arg, const char *why)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	(void)wb_fail(&job->lost_why, WB_ERR_BROKER_LOST, "%s", why);
	if (!wb_timer_is_pending(&job->lost_timer))
		wb_timer_start_ms(&job->lost_timer, job->cli->common.wait_ms);
}

static void
on_lost_too_long(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	if (job->state < WB_JOB_RUNNING)
		wb_job_fail(job, WB_ERR_BROKER_LOST, "%s", job->lost_why.text);
	else
		wb_job_leave(job, "paused", "%s", job->lost_why.text);
}

static void
on_unblocked(void *arg)
{
	wb_job_kick(arg);
}

static void
on_reopen(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	if (wb_amqp_is_ready(job->amqp))
		wb_job_open(job);
}

static void
on_missing(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	if (job->state == WB_JOB_RUNNING && wb_amqp_is_ready(job->amqp) &&
	    !is_sent(job) && has_nothing_in_hand(job))
		wb_job_read_again(job);
}

/* ---- time ---- */

static void
show_progress(struct wb_job *job)
{
	struct wb_progress_counts counts = {
		.what = job->state == WB_JOB_FOLLOWING ? "awaiting verdicts"
		        : job->state < WB_JOB_RUNNING  ? "selecting"
		                                       : "sending",
		.total = job->items.n,
		.sent = job->n_sent,
		.handled = job->n_handled,
		.failed = job->n_failed,
		.pending = wb_job_pending(job),
		.left_s = -1,
	};
	double seconds = (double)(wb_mono_us() - job->first_send_us) / 1e6;

	if (job->first_send_us != 0 && seconds > 0.2) {
		counts.per_second =
		    (double)(job->n_sent - job->n_sent_before) / seconds;
		if (counts.per_second > 0)
			counts.left_s =
			    (int64_t)((double)(job->items.n - job->n_sent -
			                       job->n_gone) /
			              counts.per_second);
	}
	wb_progress_show(job->progress, &counts);
}

static void
on_tick(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	wb_timer_start_ms(&job->tick, TICK_MS);
	show_progress(job);
	wb_job_weigh(job);
	wb_job_kick(job);
}

static void
on_pace(void *arg)
{
	wb_job_kick(arg);
}

/* Confirms that do not come are unknown: those letters stay where they are. */
static void
on_left_long_enough(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	if (job->state != WB_JOB_LEAVING)
		return;
	wb_job_close_channels(job);
	wb_job_kick(job);
}

/* The one that a signal is about: the loop knows its signals longer than any
 * job lives. */
static struct wb_job *at_work;

/* Also between two jobs. */
static bool was_interrupted;

static void
on_interrupt(void *arg)
{
	struct wb_job *job = at_work;
	bool is_again = was_interrupted;

	(void)arg;
	was_interrupted = true;
	if (job == NULL || job->state == WB_JOB_ENDED)
		return;
	if (is_again || job->state < WB_JOB_RUNNING) {
		wb_job_fail(job, WB_ERR_FAILED, "interrupted");
		return;
	}
	if (job->state == WB_JOB_FOLLOWING)
		wb_job_leave(job, "done", "%zu messages have no verdict yet",
		             wb_job_pending(job));
	else
		wb_job_leave(job, "paused", "interrupted");
}

/* ---- from begin to end ---- */

static void
init(struct wb_job *job)
{
	job->magic = WB_JOB_MAGIC;
	job->loop = job->cli->loop;
	job->args = wb_pg_args_new();
	job->journal = wb_journal_items_new();
	job->arena = wb_arena_new();
	job->progress_us = wb_mono_us();
	wb_timer_init(&job->lost_timer, job->loop, on_lost_too_long, job);
	wb_timer_init(&job->reopen_timer, job->loop, on_reopen, job);
	wb_timer_init(&job->missing_timer, job->loop, on_missing, job);
	wb_timer_init(&job->db_timer, job->loop, on_pace, job);
	wb_timer_init(&job->rate_timer, job->loop, on_pace, job);
	wb_timer_init(&job->tick, job->loop, on_tick, job);
	wb_timer_init(&job->leave_timer, job->loop, on_left_long_enough, job);
}

static void
fini(struct wb_job *job)
{
	struct wb_timer *const timers[] = {
		&job->lost_timer,  &job->reopen_timer, &job->missing_timer,
		&job->db_timer,    &job->rate_timer,   &job->tick,
		&job->leave_timer,
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(timers); i++)
		wb_timer_fini(timers[i]);
	wb_loop_undefer(job->loop, job);
	wb_progress_free(job->progress);
	wb_journal_items_free(job->journal);
	wb_pg_args_free(job->args);
	wb_arena_free(job->arena);
	wb_db_close(job->db);
	wb_items_fini(&job->items);
	free(job->held.list);
	free(job->safe.list);
	free(job->marking.list);
	free(job->gone.list);
}

static void
on_closed_down(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	wb_amqp_free(job->amqp);
	job->amqp = NULL;
	wb_loop_stop(job->loop);
}

/* Says goodbye to the broker, so that the last acks have arrived. */
static void
run(struct wb_job *job)
{
	static const struct wb_amqp_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
		.on_unblocked = on_unblocked,
	};

	static bool is_watching;

	if (was_interrupted) {
		job->err = wb_fail(&job->note, WB_ERR_FAILED, "interrupted");
		return;
	}
	if (!is_watching) {
		wb_loop_on_signal(job->loop, SIGINT, on_interrupt, NULL);
		wb_loop_on_signal(job->loop, SIGTERM, on_interrupt, NULL);
	}
	is_watching = true;
	at_work = job;
	job->progress = wb_progress_new(true);
	job->amqp = wb_amqp_new(job->loop, &job->cli->amqp, job->cli->name,
	                        &events, job);
	wb_timer_start_ms(&job->lost_timer, job->cli->common.wait_ms);
	wb_timer_start_ms(&job->tick, TICK_MS);
	/* The frame's own connections may stop the loop as well. */
	while (job->state != WB_JOB_ENDED)
		wb_loop_run(job->loop);
	wb_timer_stop(&job->tick);
	wb_timer_stop(&job->lost_timer);
	wb_job_close_channels(job);
	wb_amqp_close(job->amqp, on_closed_down, job);
	while (job->amqp != NULL)
		wb_loop_run(job->loop);
	at_work = NULL;
}

static void
report(const struct wb_job *job, struct wb_job_report *ret_report)
{
	*ret_report = (struct wb_job_report){
		.selected = job->items.n,
		.sent = job->n_sent,
		.handled = job->n_handled,
		.failed = job->n_failed,
		.gone = job->n_gone,
		.pending = wb_job_pending(job),
		.n_sent_now = job->n_sent - job->n_sent_before,
		.sending_us = job->last_mark_us > job->first_send_us
		                  ? job->last_mark_us - job->first_send_us
		                  : 0,
		.was_interrupted = was_interrupted,
		.why = job->end_note,
	};
	if (job->items.n == 0)
		return;
	(void)snprintf(ret_report->name, sizeof ret_report->name, "%s",
	               job->row.name);
	(void)snprintf(ret_report->status, sizeof ret_report->status, "%s",
	               job->end_status == NULL ? "running" : job->end_status);
}

static enum wb_err
end(struct wb_job *job, struct wb_job_report *ret_report, struct wb_note *note)
{
	enum wb_err err = job->err;

	if (err != WB_OK)
		*note = job->note;
	report(job, ret_report);
	fini(job);
	return err;
}

enum wb_err
wb_job_run(struct wb_cli *cli, const struct wb_job_wish *wish,
           struct wb_job_report *ret_report, struct wb_note *note)
{
	struct wb_job job = {
		.cli = cli,
		.row = wish->row,
		.filter = wish->filter,
		.edited = wish->edited,
		.edited_bytes = wish->edited_bytes,
		.edited_id = wish->edited_id,
		.verdict_ms = wish->verdict_ms,
		.memory_bytes = (size_t)wish->memory_bytes,
		.is_canary = wish->row.canary > 0,
	};

	init(&job);
	wb_journal_name(job.row.name, job.row.consumer);
	job.err = wb_job_open_journal(&job, true, &job.note);
	if (job.err == WB_OK)
		run(&job);
	return end(&job, ret_report, note);
}

/* ---- a job that exists ---- */

static enum wb_err
go_on(struct wb_job *job, const char *status)
{
	if (strcmp(status, "done") == 0 || strcmp(status, "cancelled") == 0)
		return wb_fail(&job->note, WB_ERR_FAILED,
		               "job %s has ended: it is %s", job->row.name,
		               status);
	job->is_canary = job->row.canary > 0;
	run(job);
	return job->err;
}

/* is_alone: only with the lock, so when no process is at work with it. */
static enum wb_err
with_loaded(struct wb_cli *cli, const char *name,
            const struct wb_job_change *change, bool is_alone,
            enum wb_err (*act)(struct wb_job *job, const char *status),
            struct wb_job_report *ret_report, struct wb_note *note)
{
	struct wb_arena *arena = wb_arena_new();
	struct wb_job job = { .cli = cli,
		              .row.consumer = wb_job_consumer(name) };
	const char *status = "";
	enum wb_err err;

	init(&job);
	(void)snprintf(job.row.name, sizeof job.row.name, "%s", name);
	if (job.row.consumer == NULL)
		job.err = wb_fail(&job.note, WB_ERR_BAD_CONFIG,
		                  "\"%.60s\" is no name of a job: see waybill "
		                  "dlq jobs",
		                  name);
	else
		job.err = wb_job_open_journal(&job, is_alone, &job.note);
	if (job.err == WB_OK)
		job.err = wb_job_load(&job, arena, &status, &job.note);
	if (job.err == WB_OK && change != NULL) {
		job.verdict_ms = change->verdict_ms;
		job.memory_bytes = (size_t)change->memory_bytes;
		if (change->rate >= 0)
			job.row.rate = change->rate;
		if (change->stop_above >= -1)
			job.row.stop_above = change->stop_above;
	}
	if (job.err == WB_OK)
		job.err = act(&job, status);
	err = end(&job, ret_report, note);
	wb_arena_free(arena);
	return err;
}

enum wb_err
wb_job_resume(struct wb_cli *cli, const char *name,
              const struct wb_job_change *change,
              struct wb_job_report *ret_report, struct wb_note *note)
{
	return with_loaded(cli, name, change, true, go_on, ret_report, note);
}

enum wb_err
wb_job_cancel(struct wb_cli *cli, const char *name,
              struct wb_job_report *ret_report, struct wb_note *note)
{
	return with_loaded(cli, name, NULL, true, wb_job_cancel_loaded,
	                   ret_report, note);
}

enum wb_err
wb_job_look(struct wb_cli *cli, const char *name,
            struct wb_job_report *ret_report, struct wb_note *note)
{
	return with_loaded(cli, name, NULL, false, wb_job_look_loaded,
	                   ret_report, note);
}
