/* The transaction of a run, the whole wave or one of its members:
 *
 *   inbox insert → which are fresh → the handlers' statements → their rows →
 *   retries, dead letters, events → commit → acks
 *
 * A failure undoes all of it; then the members run one by one. */
#include "saga/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "pg/pg.h"

/* After so many failures of the infrastructure in a row the process says that
 * it is not ready, and the wave is cut up: small transactions conflict less and
 * take less time. */
#define WAITS_IN_PATIENCE 3

/* So many strikes in a row (see has_struck_out) are a message's own failure. */
#define MOST_STRIKES 3

static const struct wb_pg_stmt inbox_insert = {
	.name = "consumer_inbox_insert",
	.sql = "INSERT INTO inbox (consumer, event_id)"
	       " SELECT $1::text, id FROM unnest($2::uuid[]) AS t (id)"
	       " ORDER BY id ON CONFLICT DO NOTHING RETURNING event_id",
};

static const struct wb_pg_stmt inbox_delete = {
	.name = "consumer_inbox_delete",
	.sql = "DELETE FROM inbox"
	       " WHERE consumer = $1::text AND event_id = ANY ($2::uuid[])",
};

static struct wb_message **
members(struct wb_consumer *c)
{
	return c->wave.messages + c->wave.first;
}

/* ---- the end: what is written beside the handlers' effects, commit ---- */

/* The inbox forgets what a handler could not do, or its retry would be taken
 * for a duplicate. */
static void
forget_failed(struct wb_consumer *c)
{
	size_t n = 0, ids;

	wb_pg_args_clear(c->args);
	wb_pg_arg_text(c->args, c->config->name);
	ids = wb_pg_arg_array(c->args, WB_PG_UUID);
	for (size_t i = 0; i < c->run.n_by_id; i++) {
		const struct wb_message *m = c->run.by_id[i];

		if (m->failed == WB_OK)
			continue;
		wb_pg_elem_uuid(c->args, ids, &m->id);
		n++;
	}
	if (n > 0)
		wb_tx_query(c->run.tx, &inbox_delete, c->args, NULL, NULL);
}

static void
finish(struct wb_consumer *c)
{
	struct wb_run *run = &c->run;

	if (run->err != WB_OK) {
		wb_tx_rollback(run->tx);
		return;
	}
	for (size_t i = 0; i < run->n_messages; i++) {
		const struct wb_message *m = members(c)[i];

		if (wb_verdict_err(m) != WB_OK)
			wb_verdict_deliver(c, m);
		else
			wb_emit_write(c, m);
		if (m->is_marked)
			wb_mark_remove(c, m);
	}
	forget_failed(c);
	wb_outbox_write(c->outbox, run->tx);
	wb_outbox_clear(c->outbox);
	WB_CRASH_POINT("consumer.before_commit");
	wb_tx_commit(run->tx);
}

/* ---- the handlers ---- */

/* One row; whose it is says its first column. */
static void
read_row(struct wb_route *route, const struct wb_pg_result *result, size_t row)
{
	struct wb_run *run = &route->consumer->run;
	int64_t ord = wb_pg_i64(result, row, 0);
	const struct wb_handler *handler;
	struct wb_message *message;
	struct wb_emit emit;
	enum wb_err err;

	if (ord < 1 || (uint64_t)ord > route->n_messages) {
		run->err = wb_fail(&run->note, WB_ERR_FAILED,
		                   "stmt=%s ord=%lld is none of its messages",
		                   route->handler->stmt->name, (long long)ord);
		return;
	}
	message = route->messages[ord - 1];
	handler = message->route->handler;
	if (message->failed != WB_OK || handler->read == NULL)
		return;
	emit = (struct wb_emit){ .arena = run->arena, .message = message };
	err = handler->read(&message->event, message->payload, result, row,
	                    &emit, &message->note);
	if (wb_err_verdict(err) != WB_ACK)
		message->failed = err;
}

static void
measure(struct wb_route *sender)
{
	int64_t now_us = wb_mono_us();

	for (size_t i = 0; i < sender->n_messages; i++) {
		struct wb_route *route = sender->messages[i]->route;

		if (route->sent_us != 0)
			wb_histogram_add_us(route->seconds,
			                    now_us - route->sent_us);
		route->sent_us = 0;
	}
}

static void
on_rows(const struct wb_pg_result *result, void *arg)
{
	struct wb_route *route = arg;
	struct wb_consumer *c;

	WB_CAST(c, route->consumer, WB_CONSUMER_MAGIC);
	measure(route);
	for (size_t row = 0; row < wb_pg_rows(result); row++)
		read_row(route, result, row);
	if (--c->run.n_awaited == 0)
		finish(c);
}

static void
send_handler(struct wb_consumer *c, struct wb_route *route)
{
	const struct wb_handler *handler = route->handler;
	int64_t now_us = wb_mono_us();
	size_t ords, ids, columns = 0;

	wb_pg_args_clear(c->args);
	ords = wb_pg_arg_array(c->args, WB_PG_INT4);
	ids = wb_pg_arg_array(c->args, WB_PG_UUID);
	for (size_t i = 0; i < handler->n_columns; i++) {
		size_t column = wb_pg_arg_array(c->args, handler->columns[i]);

		if (i == 0)
			columns = column;
	}
	for (size_t i = 0; i < route->n_messages; i++) {
		const struct wb_message *m = route->messages[i];

		wb_pg_elem_i32(c->args, ords, (int32_t)(i + 1));
		wb_pg_elem_uuid(c->args, ids, &m->id);
		if (handler->n_columns > 0)
			m->route->handler->bind(m->payload, c->args, columns);
		m->route->sent_us = now_us;
	}
	c->run.n_awaited++;
	wb_tx_query(c->run.tx, handler->stmt, c->args, on_rows, route);
}

static void
send_handlers(struct wb_consumer *c)
{
	WB_CRASH_POINT("consumer.handle");
	for (size_t i = 0; i < c->n_routes; i++)
		c->routes[i].n_messages = 0;
	/* Members are sorted by subject, and so is each statement's share. */
	for (size_t i = 0; i < c->run.n_messages; i++) {
		struct wb_message *m = members(c)[i];
		struct wb_route *sender = m->route->sender;

		if (m->is_fresh)
			sender->messages[sender->n_messages++] = m;
	}
	for (size_t i = 0; i < c->n_routes; i++)
		if (c->routes[i].n_messages > 0)
			send_handler(c, &c->routes[i]);
	if (c->run.n_awaited > 0)
		wb_tx_flush(c->run.tx);
	else
		finish(c);
}

/* ---- the inbox ---- */

static int
compare_ids(const void *a, const void *b)
{
	const struct wb_message *const *x = a, *const *y = b;

	return wb_uuid_compare(&(*x)->id, &(*y)->id);
}

static int
compare_id_with(const void *id, const void *element)
{
	const struct wb_message *const *message = element;

	return wb_uuid_compare(id, &(*message)->id);
}

static void
on_inbox(const struct wb_pg_result *result, void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		struct wb_uuid id = wb_pg_uuid(result, row, 0);
		struct wb_message **found =
		    bsearch(&id, c->run.by_id, c->run.n_by_id,
		            sizeof(struct wb_message *), compare_id_with);

		if (found != NULL)
			(*found)->is_fresh = true;
	}
	send_handlers(c);
}

static void
send_inbox(struct wb_consumer *c)
{
	struct wb_run *run = &c->run;
	size_t ids;

	qsort(run->by_id, run->n_by_id, sizeof(struct wb_message *),
	      compare_ids);
	wb_pg_args_clear(c->args);
	wb_pg_arg_text(c->args, c->config->name);
	ids = wb_pg_arg_array(c->args, WB_PG_UUID);
	for (size_t i = 0; i < run->n_by_id; i++)
		wb_pg_elem_uuid(c->args, ids, &run->by_id[i]->id);
	wb_tx_query(run->tx, &inbox_insert, c->args, on_inbox, c);
	wb_tx_flush(run->tx);
}

/* ---- how it ended ---- */

static void
ack(struct wb_consumer *c)
{
	uint64_t tag = wb_acks_advance(&c->acks);

	if (tag != 0 && c->channel != NULL)
		wb_amqp_ack(c->channel, tag, true);
}

/* Committed: the members are done, also those whose channel is gone; these
 * come again and are duplicates then. */
static enum wb_consumer_state
settle(struct wb_consumer *c)
{
	struct wb_wave *wave = &c->wave;

	if (wave->waits > 0)
		wb_health_set(c->pg_health, true, "connected");
	wb_counter_add(c->batches, 1);
	wb_gauge_set(c->batch_messages, (double)c->run.n_messages);
	for (size_t i = 0; i < c->run.n_messages; i++) {
		struct wb_message *m = members(c)[i];

		wb_verdict_settle(c, m);
		if (m->generation == c->generation)
			wb_acks_done(&c->acks, m->tag);
		wb_message_free(m);
	}
	ack(c);
	wave->first += c->run.n_messages;
	wave->waits = 0;
	wave->strikes = 0;
	if (c->config->on_committed != NULL)
		c->config->on_committed(c->config->arg);
	if (wave->first < wave->n_messages)
		return wb_consumer_next(c);
	wb_pace_end(&c->pace, wb_mono_us(), wave->n_messages);
	wb_batch_end(c);
	return WB_CONSUMER_IDLE;
}

static enum wb_consumer_state
wait_again(struct wb_consumer *c, enum wb_err err)
{
	struct wb_wave *wave = &c->wave;
	struct wb_message *first = members(c)[0];

	/* It had struck out, but its retry can't be written either: so it was
	 * the database after all. */
	if (wb_err_verdict(first->decided) == WB_WAIT)
		first->decided = WB_OK;
	wave->waits++;
	if (wave->waits < WAITS_IN_PATIENCE)
		return WB_CONSUMER_WAITING;
	wb_health_set(c->pg_health, false, "%s", c->run.note.text);
	if (err != WB_ERR_DB_LOST)
		wave->is_one_by_one = true;
	return WB_CONSUMER_WAITING;
}

/* The run's own failure, or one of the messages': not the infrastructure's. */
static enum wb_consumer_state
blame(struct wb_consumer *c, enum wb_err err)
{
	struct wb_message *message = members(c)[0];

	if (c->run.n_messages > 1) {
		wb_log_warn(WB_LOG_CONSUMER_BATCH,
		            "queue=%s messages=%zu error=%s note=\"%s\"",
		            c->config->name, c->run.n_messages,
		            wb_err_name(err), c->run.note.text);
		c->wave.is_one_by_one = true;
		return wb_consumer_next(c);
	}
	/* Not even its retry or dead letter can be written: the fault is not
	 * the message's, and giving it up would lose it. */
	if (message->decided != WB_OK)
		return wait_again(c, err);
	message->decided = err;
	message->note = c->run.note;
	return wb_consumer_next(c);
}

/* A strike: the database answered the inbox's statement, and then went silent
 * or away over a handler's. It may have been the message that did that (a
 * statement that never ends in time, or kills its server process), and a
 * message that always does must not hold up the queue for ever. */
static bool
has_struck_out(struct wb_consumer *c, enum wb_err err)
{
	struct wb_wave *wave = &c->wave;
	bool is_strike = c->run.n_awaited > 0 &&
	                 (err == WB_ERR_DB_TIMEOUT || err == WB_ERR_DB_LOST);

	wave->strikes = is_strike ? wave->strikes + 1 : 0;
	if (wave->strikes < MOST_STRIKES)
		return false;
	wave->strikes = 0;
	return true;
}

static enum wb_consumer_state
judge(struct wb_consumer *c, const struct wb_tx_outcome *outcome)
{
	enum wb_err err = outcome->err;
	bool is_inbox = strcmp(outcome->stmt, inbox_insert.name) == 0 ||
	                strcmp(outcome->stmt, inbox_delete.name) == 0;

	if (outcome->end == WB_TX_ROLLED_BACK)
		err = c->run.err;
	else
		(void)wb_fail(&c->run.note, err, "%s%s%s%s%s", outcome->stmt,
		              outcome->stmt[0] == '\0' ? "" : ": ",
		              outcome->message,
		              outcome->sqlstate[0] == '\0' ? "" : " SQLSTATE ",
		              outcome->sqlstate);
	if (has_struck_out(c, err))
		return blame(c, err);
	/* Unknown: run again, the inbox knows whether it had happened. The
	 * inbox's own statements refuse no message. */
	if (outcome->end == WB_TX_UNKNOWN || is_inbox)
		return wait_again(c, err);
	switch (wb_err_verdict(err)) {
	case WB_ACK:
	case WB_RETRY:
	case WB_PARK:
		return blame(c, err);
	case WB_WAIT:
	case WB_STOP:
		break;
	}
	return wait_again(c, err);
}

static void
on_run_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_consumer *c;
	enum wb_consumer_state to;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	c->run.tx = NULL;
	if (outcome->end == WB_TX_COMMITTED) {
		WB_CRASH_POINT("consumer.after_commit");
		to = settle(c);
	} else {
		to = judge(c, outcome);
	}
	wb_consumer_enter(c, c->is_draining ? WB_CONSUMER_STOPPED : to);
}

/* ---- its begin ---- */

static void
begin_message(struct wb_consumer *c, struct wb_message *message)
{
	message->is_fresh = false;
	message->failed = WB_OK;
	message->emitted = NULL;
	message->emitted_end = &message->emitted;
	if (message->decided == WB_OK)
		c->run.by_id[c->run.n_by_id++] = message;
}

enum wb_consumer_state
wb_run_start(struct wb_consumer *c)
{
	struct wb_run *run = &c->run;

	wb_batch_prepare(c);
	wb_arena_reset(run->arena);
	run->err = WB_OK;
	run->n_by_id = 0;
	run->n_awaited = 0;
	run->n_messages =
	    c->wave.is_one_by_one ? 1 : c->wave.n_messages - c->wave.first;
	for (size_t i = 0; i < run->n_messages; i++)
		begin_message(c, members(c)[i]);
	run->tx = wb_tx_begin(c->pg, on_run_done, c);
	if (run->n_by_id > 0)
		send_inbox(c);
	else
		finish(c);
	return WB_CONSUMER_STAY;
}
