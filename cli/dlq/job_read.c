/* The dead-letter queue's side of a job. */
#include "job_priv.h"

#include "base/clock.h"
#include "base/crash.h"

#include <stdlib.h>
#include <string.h>

/* The broker closes a channel that holds letters for longer than its consumer
 * timeout (30 minutes): the letters are read again. But not for ever without
 * ever seeing one. */
#define MOST_REOPENS 10u
#define REOPEN_MS    500

#define ITEMS_PER_STATEMENT 1000u

static uint32_t
place_of(const struct wb_job *job, const struct wb_item *item)
{
	return (uint32_t)(item - job->items.list);
}

/* ---- keeping letters ---- */

/* A discarded letter need not be kept: the journal has it. */
static void
hold(struct wb_job *job, struct wb_item *item, const struct wb_letter *letter)
{
	item->is_seen = true;
	wb_item_add_tag(item, letter->tag);
	if (item->state != WB_ITEM_OUT)
		return; /* one more copy of it */
	if (job->row.kind != WB_JOB_DISCARD) {
		size_t bytes = wb_letter_bytes(letter);

		if (job->in_hand_bytes + bytes > job->memory_bytes &&
		    job->in_hand_bytes > 0) {
			job->n_dropped++;
			return;
		}
		job->in_hand_bytes += bytes;
		item->letter = wb_letter_copy(letter);
	}
	item->state = WB_ITEM_HELD;
	wb_places_add(&job->held, place_of(job, item));
}

void
wb_job_ack(struct wb_job *job, struct wb_item *item)
{
	if (job->reader == NULL || item->tag == 0)
		return;
	job->acked_us = wb_mono_us();
	wb_reader_ack(job->reader, item->tag);
	for (struct wb_item_copy *copy = item->copies; copy != NULL;
	     copy = copy->next)
		wb_reader_ack(job->reader, copy->tag);
	wb_item_let_go(item);
}

/* ---- selecting ---- */

static void
write_items(struct wb_job *job)
{
	wb_journal_items_write(job->journal, job->row.name, job->selection);
}

/* Letters come in the order in which they arrived, and only as many as lay
 * there when the job began. Only where somebody else takes some away meanwhile,
 * and so makes room in that count, their times must tell which were there. */
static bool
came_later(struct wb_job *job, const struct wb_letter *letter)
{
	if (wb_reader_others(job->reader) == 0 ||
	    letter->failed_us <= job->began_us)
		return false;
	job->n_later++;
	return true;
}

static void
select_letter(struct wb_job *job, const struct wb_letter *letter)
{
	bool is_kept_whole = job->row.kind != WB_JOB_REPLAY;
	struct wb_item_key key;
	struct wb_item *item;
	struct wb_uuid event_id;

	if (came_later(job, letter) || !wb_filter_matches(job->filter, letter))
		return;
	key = wb_item_key(letter->id, letter->replay, letter->attempts);
	item = wb_items_find(&job->items, &key);
	if (item == NULL) {
		if (job->row.kind == WB_JOB_EDIT)
			event_id = job->edited_id;
		else if (!wb_letter_event_id(letter, &event_id))
			event_id = wb_uuid_v7();
		item = wb_items_add(&job->items, &key, &event_id);
		wb_journal_items_add(job->journal, letter, &event_id,
		                     is_kept_whole, job->edited,
		                     job->edited_bytes);
		if (wb_journal_items_count(job->journal) >= ITEMS_PER_STATEMENT)
			write_items(job);
	}
	hold(job, item, letter);
}

static void
end_selection(struct wb_job *job)
{
	if (job->items.n == 0) {
		wb_job_enter(job, WB_JOB_ENDED);
		return;
	}
	write_items(job);
	wb_job_enter(job, WB_JOB_COMMITTING);
	WB_CRASH_POINT("dlq.before_commit");
	wb_tx_commit(job->selection);
}

/* ---- finding again ---- */

static void
match_letter(struct wb_job *job, const struct wb_letter *letter)
{
	struct wb_item_key key =
	    wb_item_key(letter->id, letter->replay, letter->attempts);
	struct wb_item *item = wb_items_find(&job->items, &key);

	if (item == NULL || item->state == WB_ITEM_GONE)
		return;
	hold(job, item, letter);
	/* It was sent, and its ack was lost. */
	if (item->state == WB_ITEM_SENT)
		wb_job_ack(job, item);
}

static void
note_missing(struct wb_job *job)
{
	for (size_t i = 0; i < job->items.n; i++) {
		struct wb_item *item = &job->items.list[i];

		if (item->state != WB_ITEM_OUT || item->is_seen)
			continue;
		item->state = WB_ITEM_GONE;
		wb_places_add(&job->gone, (uint32_t)i);
	}
}

static bool
is_any_missing(const struct wb_job *job)
{
	for (size_t i = 0; i < job->items.n; i++)
		if (job->items.list[i].state == WB_ITEM_OUT &&
		    !job->items.list[i].is_seen)
			return true;
	return false;
}

/* What others hold comes back when they leave (a process of this job that was
 * killed on a host that is gone is one of them until its heartbeats are
 * missed). */
static void
settle_missing(struct wb_job *job)
{
	int64_t now_us = wb_mono_us();

	if (!is_any_missing(job)) {
		job->missing_since_us = 0;
		return;
	}
	if (job->missing_since_us == 0)
		job->missing_since_us = now_us;
	if (wb_reader_others(job->reader) == 0 ||
	    now_us - job->missing_since_us >= job->cli->common.wait_ms * 1000)
		note_missing(job);
}

/* ---- the reader ---- */

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->reopens = 0;
	if (job->state == WB_JOB_SELECTING)
		select_letter(job, letter);
	else
		match_letter(job, letter);
}

static void
on_end(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->has_read = true;
	if (job->state == WB_JOB_SELECTING)
		end_selection(job);
	else
		settle_missing(job);
	wb_job_kick(job);
}

/* Its letters are back in their queue. */
static void
lose_reader(struct wb_job *job)
{
	if (job->reader == NULL)
		return;
	wb_reader_free(job->reader);
	job->reader = NULL;
	job->has_read = false;
	job->n_dropped = 0;
	job->held.n = job->held_first = 0;
	for (size_t i = 0; i < job->items.n; i++) {
		struct wb_item *item = &job->items.list[i];
		struct wb_letter *letter = item->letter;

		/* One that is on its way is told by the sender. */
		if (item->state == WB_ITEM_PUBLISHED)
			item->letter = NULL;
		wb_item_let_go(item);
		if (item->state == WB_ITEM_PUBLISHED)
			item->letter = letter;
		else if (item->state == WB_ITEM_HELD)
			item->state = WB_ITEM_OUT;
	}
	job->in_hand_bytes = 0;
}

static void
lose_sender(struct wb_job *job)
{
	wb_sender_free(job->sender);
	job->sender = NULL;
	job->is_sender_ready = false;
	for (size_t i = 0; i < job->items.n; i++) {
		struct wb_item *item = &job->items.list[i];

		if (item->state != WB_ITEM_PUBLISHED)
			continue;
		/* Unknown: found again in the dead-letter queue, and sent
		 * again. */
		wb_item_drop_letter(item);
		item->state = WB_ITEM_OUT;
		job->n_started--;
	}
}

void
wb_job_close_channels(struct wb_job *job)
{
	lose_reader(job);
	lose_sender(job);
}

static void
on_failed(struct wb_job *job, enum wb_err err, const char *why)
{
	struct wb_note note;

	(void)wb_fail(&note, err, "%s", why);
	if (err == WB_ERR_BROKER_REFUSED || ++job->reopens > MOST_REOPENS) {
		if (job->state == WB_JOB_RUNNING)
			wb_job_leave(job, "paused", "RabbitMQ: %s", note.text);
		else if (job->state < WB_JOB_RUNNING)
			wb_job_fail(job, err, "RabbitMQ: %s", note.text);
		return;
	}
	if (job->state == WB_JOB_SELECTING)
		wb_job_fail(job, err, "RabbitMQ: %s", note.text);
	else if (wb_amqp_is_ready(job->amqp))
		wb_timer_start_ms(&job->reopen_timer, REOPEN_MS);
}

static void
on_reader_failed(void *arg, enum wb_err err, const char *why)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	lose_reader(job);
	on_failed(job, err, why);
	wb_job_kick(job);
}

static void
on_sender_failed(void *arg, enum wb_err err, const char *why)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	/* What was held is read anew: the letters of what was on its way are
	 * gone from here. */
	wb_job_close_channels(job);
	on_failed(job, err, why);
	wb_job_kick(job);
}

static void
on_sender_ready(void *arg)
{
	struct wb_job *job;

	WB_CAST(job, arg, WB_JOB_MAGIC);
	job->is_sender_ready = true;
	wb_job_kick(job);
}

void
wb_job_open(struct wb_job *job)
{
	static const struct wb_reader_events reader_events = {
		.on_letter = on_letter,
		.on_end = on_end,
		.on_failed = on_reader_failed,
	};
	static const struct wb_sender_events sender_events = {
		.on_ready = on_sender_ready,
		.on_sent = wb_job_on_sent,
		.on_failed = on_sender_failed,
	};

	if (job->state == WB_JOB_ENDED || job->state == WB_JOB_LEAVING)
		return;
	if (job->sender == NULL && job->row.kind != WB_JOB_DISCARD)
		job->sender = wb_sender_new(job->amqp, &sender_events, job);
	if (job->reader == NULL)
		job->reader =
		    wb_reader_new(job->loop, job->amqp, job->row.consumer,
		                  &reader_events, job);
}

void
wb_job_read_again(struct wb_job *job)
{
	lose_reader(job);
	wb_job_open(job);
}
