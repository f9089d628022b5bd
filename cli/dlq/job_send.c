/* The consumer's queue's side of a job: how fast, how many, when to stop. */
#include "job_priv.h"

#include "base/clock.h"
#include "base/crash.h"
#include "message.h"

#include <stdlib.h>

/* With --stop-above no more than these are without a verdict: a brake that is
 * pulled when everything has been sent stops nothing. */
#define MOST_PENDING 500u

/* So many verdicts are needed before a share of them means anything, unless
 * there are no more to come. */
#define LEAST_VERDICTS 20u

/* Bytes that the socket has not taken yet. */
#define MOST_UNSENT_BYTES ((size_t)4 << 20)

/* The rate limit lets this much be caught up with. */
#define BURST_US 50000

/* ---- what comes back ---- */

static void
send_later(struct wb_job *job, struct wb_item *item)
{
	item->state = WB_ITEM_HELD;
	job->n_started--;
	/* It is not sent any more by this process, which leaves. */
}

void
wb_job_on_sent(void *arg, size_t which, enum wb_sent how)
{
	struct wb_job *job;
	struct wb_item *item;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	item = &job->items.list[which];
	if (item->state != WB_ITEM_PUBLISHED)
		return;
	switch (how) {
	case WB_SENT_SAFE:
		job->in_hand_bytes -=
		    wb_letter_bytes(item->letter) < job->in_hand_bytes
		        ? wb_letter_bytes(item->letter)
		        : job->in_hand_bytes;
		wb_item_drop_letter(item);
		item->state = WB_ITEM_SAFE;
		wb_places_add(&job->safe, (uint32_t)which);
		WB_CRASH_POINT("dlq.confirmed");
		break;
	case WB_SENT_RETURNED:
		send_later(job, item);
		wb_job_leave(job, "paused",
		             "there is no queue %s: RabbitMQ gave a message "
		             "back, which stays in %s.dlq",
		             job->row.consumer, job->row.consumer);
		break;
	case WB_SENT_REFUSED:
		send_later(job, item);
		wb_job_leave(
		    job, "paused",
		    "RabbitMQ refused a message for %s, which stays in "
		    "%s.dlq: is the queue full?",
		    job->row.consumer, job->row.consumer);
		break;
	}
	wb_job_kick(job);
}

/* ---- sending ---- */

static bool
has_held(const struct wb_job *job)
{
	return job->held_first < job->held.n;
}

/* True when the rate allows one more now; else the timer is set. */
static bool
is_in_pace(struct wb_job *job)
{
	int64_t now_us = wb_mono_us();

	if (job->row.rate == 0)
		return true;
	if (job->next_send_us > now_us) {
		wb_timer_start_us(&job->rate_timer, job->next_send_us - now_us);
		return false;
	}
	if (job->next_send_us < now_us - BURST_US)
		job->next_send_us = now_us - BURST_US;
	return true;
}

static bool
may_send(struct wb_job *job)
{
	if (job->state != WB_JOB_RUNNING || !has_held(job) || !job->has_read)
		return false;
	if (job->row.kind == WB_JOB_DISCARD)
		return true;
	return job->is_sender_ready && !wb_amqp_is_blocked(job->amqp) &&
	       wb_sender_unconfirmed(job->sender) < WB_SENDER_WINDOW &&
	       wb_amqp_unsent_bytes(job->amqp) < MOST_UNSENT_BYTES &&
	       !(job->is_canary && job->n_started >= (size_t)job->row.canary) &&
	       !(job->row.stop_above >= 0 &&
	         job->n_started - job->n_handled - job->n_failed >=
	             MOST_PENDING) &&
	       is_in_pace(job);
}

static enum wb_err
publish(struct wb_job *job, struct wb_item *item, size_t place)
{
	struct wb_amqp_message message;

	wb_arena_reset(job->arena);
	message = wb_dlq_message(item->letter, &item->event_id, &job->row,
	                         job->arena);
	if (job->row.kind == WB_JOB_EDIT) {
		message.body = job->edited;
		message.body_bytes = job->edited_bytes;
	}
	return wb_sender_send(job->sender, &message, place);
}

static void
send_one(struct wb_job *job)
{
	uint32_t place = job->held.list[job->held_first++];
	struct wb_item *item = &job->items.list[place];
	enum wb_err err;

	if (item->state != WB_ITEM_HELD)
		return;
	if (job->first_send_us == 0)
		job->first_send_us = wb_mono_us();
	if (job->row.kind == WB_JOB_DISCARD) {
		item->state = WB_ITEM_SAFE;
		job->n_started++;
		wb_places_add(&job->safe, place);
		return;
	}
	err = publish(job, item, place);
	if (err == WB_OK) {
		item->state = WB_ITEM_PUBLISHED;
		job->n_started++;
		if (job->row.rate > 0)
			job->next_send_us += 1000000 / job->row.rate;
		WB_CRASH_POINT("dlq.published");
	} else if (err == WB_ERR_TOO_LARGE) {
		wb_job_leave(job, "paused",
		             "message %s has headers that AMQP does not take",
		             item->letter->id);
	}
}

void
wb_job_send_some(struct wb_job *job)
{
	while (may_send(job))
		send_one(job);
	if (!has_held(job))
		job->held.n = job->held_first = 0;
}

/* ---- when to stop ---- */

/* A mark whose commit's end is unknown may be judged before it is made again:
 * then there are more verdicts than marks. */
size_t
wb_job_pending(const struct wb_job *job)
{
	size_t verdicts = job->n_handled + job->n_failed;

	return job->row.kind == WB_JOB_DISCARD || verdicts > job->n_sent
	           ? 0
	           : job->n_sent - verdicts;
}

static bool
is_too_bad(size_t failed, size_t verdicts, int64_t most_per_cent)
{
	return failed * 100 > (size_t)most_per_cent * verdicts;
}

/* Without --stop-above a canary must not fail at all. Its verdict is about all
 * that the job has sent, also before it was killed. */
static void
weigh_canary(struct wb_job *job)
{
	size_t canary = (size_t)job->row.canary;
	int64_t most = job->row.stop_above < 0 ? 0 : job->row.stop_above;

	if (job->n_sent < canary || job->items.n <= canary)
		return;
	if (wb_job_pending(job) > 0) {
		if (wb_mono_us() - job->progress_us > job->verdict_ms * 1000)
			wb_job_leave(job, "paused",
			             "the canary has no verdict after %lld ms: "
			             "is %s running?",
			             (long long)job->verdict_ms,
			             job->row.consumer);
		return;
	}
	job->is_canary = false;
	job->row.canary = 0; /* who resumes has seen it */
	if (is_too_bad(job->n_failed, job->n_failed + job->n_handled, most))
		wb_job_leave(job, "paused",
		             "%zu of %zu messages of the canary failed again",
		             job->n_failed, job->n_sent);
}

/* The share counts from when this process began: who resumes a job that was
 * stopped for it wants it to go on. */
void
wb_job_weigh(struct wb_job *job)
{
	size_t failed = job->n_failed - job->n_failed_before;
	size_t verdicts = failed + job->n_handled - job->n_handled_before;

	if (job->state != WB_JOB_RUNNING && job->state != WB_JOB_FOLLOWING)
		return;
	if (job->state == WB_JOB_RUNNING && job->is_canary)
		weigh_canary(job);
	if (job->state == WB_JOB_RUNNING && !job->is_canary &&
	    job->row.stop_above >= 0 && verdicts >= LEAST_VERDICTS &&
	    is_too_bad(failed, verdicts, job->row.stop_above))
		wb_job_leave(job, "paused",
		             "%zu of %zu messages failed again, which is more "
		             "than %lld %%",
		             failed, verdicts, (long long)job->row.stop_above);
}
