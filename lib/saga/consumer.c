/* The consumer: what it is made of, and the state table that ties the parts
 * together. What happens inside a state is in the other files of the engine. */
#include "saga/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define TO(state) (1u << WB_CONSUMER_##state)

/* Between tries of a wave that failed though Postgres is there. */
static const struct wb_backoff wait_backoff = {
	.base_ms = 50,
	.factor = 2,
	.cap_ms = 5000,
};

#define PARAM(field, name_, def_, min_, max_, unit_, help_)                    \
	{                                                                      \
		.name = (name_), .type = WB_PARAM_INT,                         \
		.offset = offsetof(struct wb_consumer_params, field),          \
		.def = (def_), .min = (min_), .max = (max_), .unit = (unit_),  \
		.help = (help_)                                                \
	}

const struct wb_param wb_consumer_params_table[] = {
	PARAM(prefetch, "prefetch", "500", 1, 2000, "messages",
	      "unacked messages that the broker may send"),
	PARAM(batch_messages, "batch-messages", "200", 1, 2000, "messages",
	      "most messages of one transaction"),
	PARAM(batch_bytes, "batch-bytes", "4194304", 1, 1 << 30, "bytes",
	      "most bytes of one transaction's messages; a single larger "
	      "message is handled alone"),
	PARAM(window_ms, "window-ms", "50", 0, 10000, "ms",
	      "longest pause between two transactions, in which more messages "
	      "gather for the second; it is as long as the first one took; "
	      "none after one of few messages, nor before a full one. Where "
	      "nobody waits for the result (history, notifications) the first "
	      "message of each transaction waits that long"),
	PARAM(max_attempts, "max-attempts", "6", 1, 100, "",
	      "attempts before a message is dead-lettered"),
	PARAM(retry_base_ms, "retry-base-ms", "1000", 1, 3600000, "ms",
	      "longest delay of the first retry; each delay is a uniform pick "
	      "between 0 and base * factor^n"),
	PARAM(retry_factor, "retry-factor", "4", 1, 100, "",
	      "growth of the longest delay from retry to retry"),
	PARAM(retry_cap_ms, "retry-cap-ms", "600000", 1, 86400000, "ms",
	      "longest delay of any retry"),
	PARAM(max_starts, "max-starts", "3", 1, 100, "",
	      "starts without an end (crashes) before a redelivered message "
	      "is dead-lettered as CRASH_LOOP"),
	PARAM(inbox_keep_days, "inbox-keep-days", "30", 1, 36500, "days",
	      "how long it is remembered what was handled: an event that "
	      "comes again later, such as an old dead letter, is handled "
	      "again"),
	PARAM(purge_interval_ms, "purge-interval-ms", "600000", 1, 86400000,
	      "ms", "between two passes over the inbox for what is older"),
};
const size_t wb_consumer_params_count = WB_ARRAY_LEN(wb_consumer_params_table);

/* The longest that a message can be on its way by retries. */
static int64_t
longest_retries_ms(const struct wb_consumer_params *params)
{
	const struct wb_backoff backoff = {
		.base_ms = params->retry_base_ms,
		.factor = params->retry_factor,
		.cap_ms = params->retry_cap_ms,
	};
	int64_t sum_ms = 0;

	for (int64_t i = 1; i < params->max_attempts; i++)
		sum_ms += wb_backoff_limit_ms(&backoff, (unsigned)i - 1);
	return sum_ms;
}

enum wb_err
wb_consumer_params_check(const struct wb_consumer_params *params,
                         struct wb_note *note)
{
	int64_t keep_ms = params->inbox_keep_days * 86400000;

	if (longest_retries_ms(params) < keep_ms)
		return WB_OK;
	return wb_fail(note, WB_ERR_BAD_CONFIG,
	               "inbox-keep-days must be longer than all retries of a "
	               "message can take, which is %lld ms",
	               (long long)longest_retries_ms(params));
}

/* ---- states ---- */

/* Whether more messages are waited for; then the pause's end kicks. The broker
 * sends no more than the prefetch. */
static bool
is_gathering(struct wb_consumer *c)
{
	int64_t wait_us = wb_pace_wait_us(&c->pace, wb_mono_us());

	if (wait_us == 0 || c->n_pending >= (size_t)c->params->batch_messages ||
	    c->n_pending >= (size_t)c->params->prefetch)
		return false;
	wb_timer_start_us(&c->gather_timer, wait_us);
	return true;
}

static enum wb_consumer_state
enter_idle(struct wb_consumer *c)
{
	wb_gauge_set(c->pending_gauge, (double)c->n_pending);
	if (c->is_draining)
		return WB_CONSUMER_STOPPED;
	if (!wb_pg_is_idle(c->pg))
		return WB_CONSUMER_STAY;
	if (wb_purge_is_due(c))
		return WB_CONSUMER_PURGING;
	if (c->pending == NULL || is_gathering(c))
		return WB_CONSUMER_STAY;
	wb_pace_begin(&c->pace, wb_mono_us());
	wb_batch_form(c);
	return wb_consumer_next(c);
}

/* The pause also follows a reconnect: a database may well take connections and
 * lose each at its first statement. */
static void
wait_some_time(struct wb_consumer *c)
{
	unsigned waits = c->wave.waits;

	wb_timer_start_ms(&c->wait_timer,
	                  waits == 0 ? 0
	                             : wb_backoff_ms(&wait_backoff, waits - 1));
}

static enum wb_consumer_state
enter_waiting(struct wb_consumer *c)
{
	if (c->is_draining)
		return WB_CONSUMER_STOPPED;
	/* A lost connection says itself when it is back. */
	if (wb_pg_is_ready(c->pg))
		wait_some_time(c);
	return WB_CONSUMER_STAY;
}

static void
on_amqp_closed(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	c->on_drained(c->on_drained_arg);
}

/* Closing the connection returns to the queue what was not acked. */
static enum wb_consumer_state
enter_stopped(struct wb_consumer *c)
{
	wb_timer_stop(&c->wait_timer);
	wb_amqp_close(c->amqp, on_amqp_closed, c);
	return WB_CONSUMER_STAY;
}

static const struct {
	const char *name;
	unsigned to;
	enum wb_consumer_state (*on_entry)(struct wb_consumer *c);
} states[] = {
#define X(name, to, entry) [WB_CONSUMER_##name] = { #name, (to), entry },
	WB_CONSUMER_STATE_TABLE(X)
#undef X
};

void
wb_consumer_enter(struct wb_consumer *c, enum wb_consumer_state to)
{
	while (to != WB_CONSUMER_STAY) {
		WB_ASSERT(states[c->state].to & 1u << to);
		wb_log_debug(WB_LOG_CONSUMER_STATE, "queue=%s from=%s to=%s",
		             c->config->name, states[c->state].name,
		             states[to].name);
		c->state = to;
		to = states[to].on_entry(c);
	}
}

enum wb_consumer_state
wb_consumer_next(const struct wb_consumer *c)
{
	const struct wb_message *first = c->wave.messages[c->wave.first];

	if (!wb_pg_is_idle(c->pg))
		return WB_CONSUMER_WAITING;
	if (first->is_redelivered && !first->is_marked)
		return WB_CONSUMER_MARKING;
	return WB_CONSUMER_RUNNING;
}

/* ---- what moves it ---- */

static void
on_kick(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	c->is_kick_deferred = false;
	wb_gauge_set(c->pending_gauge, (double)c->n_pending);
	if (c->state == WB_CONSUMER_IDLE)
		wb_consumer_enter(c, enter_idle(c));
}

void
wb_consumer_kick(struct wb_consumer *c)
{
	if (c->is_kick_deferred)
		return;
	c->is_kick_deferred = true;
	wb_loop_defer(c->loop, on_kick, c);
}

static void
on_gathered(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	wb_consumer_kick(c);
}

static void
on_wait_over(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	if (c->state == WB_CONSUMER_WAITING && wb_pg_is_idle(c->pg))
		wb_consumer_enter(c, wb_consumer_next(c));
}

static void
on_pg_ready(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	wb_health_set(c->pg_health, true, "connected");
	if (c->state == WB_CONSUMER_WAITING)
		wait_some_time(c);
	wb_consumer_kick(c);
}

static void
on_pg_lost(void *arg, const char *why)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	wb_timer_stop(&c->wait_timer);
	wb_health_set(c->pg_health, false, "%s", why);
}

static const struct wb_pg_events pg_events = {
	.on_ready = on_pg_ready,
	.on_lost = on_pg_lost,
};

/* ---- life ---- */

static void
init_route(struct wb_consumer *c, struct wb_route *route,
           const struct wb_handler *handler)
{
	static const char *const labels[] = {
#define X(name, label) [WB_ENDING_##name] = label,
		WB_ENDING_TABLE(X)
#undef X
	};
	const char *name = handler == NULL ? "none" : handler->name;
	struct wb_buf buf = { 0 };

	route->consumer = c;
	route->handler = handler;
	for (size_t i = 0; i < WB_ENDING_COUNT; i++) {
		wb_buf_clear(&buf);
		wb_buf_printf(&buf, "handler=\"%s\",verdict=\"%s\"", name,
		              labels[i]);
		route->endings[i] =
		    wb_counter("wb_handler_messages_total", wb_buf_text(&buf),
		               "Messages by what became of them.");
	}
	if (handler != NULL) {
		wb_buf_clear(&buf);
		wb_buf_printf(&buf, "handler=\"%s\"", name);
		route->seconds = wb_histogram(
		    "wb_handler_seconds", wb_buf_text(&buf),
		    "From a handler's statement to its result, per batch.");
		route->messages = wb_zalloc((size_t)c->params->batch_messages *
		                            sizeof(struct wb_message *));
	}
	wb_buf_fini(&buf);
}

static struct wb_route *
find_sender(struct wb_consumer *c, const struct wb_route *route)
{
	struct wb_route *sender = c->routes;

	while (sender->handler->stmt != route->handler->stmt)
		sender++;
	WB_ASSERT(sender->handler->columns == route->handler->columns);
	return sender;
}

static void
init_routes(struct wb_consumer *c)
{
	const struct wb_handler *const *handlers = c->config->handlers;
	size_t n = 0;

	while (handlers[n] != NULL)
		n++;
	c->n_routes = n + 1;
	c->routes = wb_zalloc(c->n_routes * sizeof *c->routes);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			WB_ASSERT(handlers[i]->on != handlers[j]->on);
		init_route(c, &c->routes[i], handlers[i]);
		c->routes[i].sender = find_sender(c, &c->routes[i]);
	}
	init_route(c, &c->routes[n], NULL);
}

static void
init_batches(struct wb_consumer *c)
{
	size_t most = (size_t)c->params->batch_messages;

	c->pending_end = &c->pending;
	c->wave.messages = wb_zalloc(most * sizeof(struct wb_message *));
	c->wave.arena = wb_arena_new();
	c->run.by_id = wb_zalloc(most * sizeof(struct wb_message *));
	c->run.arena = wb_arena_new();
	/* Two keys of each message, at most half full. */
	c->seen_size = 1;
	while (c->seen_size < 4 * (size_t)c->params->prefetch)
		c->seen_size *= 2;
	c->seen = wb_zalloc(c->seen_size * sizeof *c->seen);
}

static int64_t
older(int64_t oldest_us, const struct wb_message *message)
{
	if (message->event.doc == NULL || message->event.time_us >= oldest_us)
		return oldest_us;
	return message->event.time_us;
}

/* In seconds. The queue is in order, so the first that waits is the oldest of
 * those that wait. */
static double
read_behind(void *arg)
{
	struct wb_consumer *c;
	int64_t now_us = wb_wall_us(), oldest_us = now_us;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	for (size_t i = c->wave.first; i < c->wave.n_messages; i++)
		oldest_us = older(oldest_us, c->wave.messages[i]);
	if (c->pending != NULL) {
		wb_message_parse(c, c->pending);
		oldest_us = older(oldest_us, c->pending);
	}
	return (double)(now_us - oldest_us) / 1e6;
}

static void
init_metrics(struct wb_consumer *c)
{
	c->pg_health = wb_health("postgres");
	c->amqp_health = wb_health("rabbitmq");
	c->queue_health = wb_health("queue");
	c->batches =
	    wb_counter("wb_batches_total", "", "Transactions of messages.");
	c->batch_messages = wb_gauge("wb_batch_messages", "",
	                             "Messages of the last transaction.");
	c->pending_gauge =
	    wb_gauge("wb_consumer_pending", "",
	             "Messages received that wait for a transaction.");
	c->lag = wb_gauge("wb_consumer_lag_seconds", "",
	                  "Age of the last event handled, at its commit.");
	c->behind = wb_gauge("wb_consumer_behind_seconds", "",
	                     "Age of the oldest event received and not yet "
	                     "handled; 0: there is none.");
	wb_gauge_ask(c->behind, read_behind, c);
}

static char *
name_dlq(const char *name)
{
	struct wb_buf buf = { 0 };

	wb_buf_printf(&buf, "%s.dlq", name);
	return buf.data;
}

struct wb_consumer *
wb_consumer_new(struct wb_loop *loop, const struct wb_consumer_config *config,
                const struct wb_consumer_params *params,
                const struct wb_pg_params *pg_params,
                const struct wb_amqp_params *amqp_params)
{
	const char *instance =
	    config->instance == NULL ? config->name : config->instance;
	struct wb_consumer *c = wb_zalloc(sizeof *c);

	c->magic = WB_CONSUMER_MAGIC;
	c->loop = loop;
	c->config = config;
	c->params = params;
	c->dlq = name_dlq(config->name);
	init_metrics(c);
	init_routes(c);
	init_batches(c);
	c->args = wb_pg_args_new();
	c->outbox = wb_outbox_new();
	wb_timer_init(&c->wait_timer, loop, on_wait_over, c);
	wb_timer_init(&c->gather_timer, loop, on_gathered, c);
	c->pace.window_us = params->window_ms * 1000;
	c->pace.is_patient = config->is_patient;
	wb_purge_init(c);
	wb_broker_init(c, amqp_params);
	c->pg = wb_pg_new(loop, pg_params, instance, &pg_events, c);
	wb_pg_pin_plans(c->pg);
	c->amqp =
	    wb_amqp_new(loop, amqp_params, instance, &wb_broker_events, c);
	return c;
}

void
wb_consumer_free(struct wb_consumer *c)
{
	if (c == NULL)
		return;
	WB_ASSERT(c->magic == WB_CONSUMER_MAGIC);
	wb_gauge_ask(c->behind, NULL, NULL);
	wb_amqp_free(c->amqp);
	wb_pg_free(c->pg);
	wb_loop_undefer(c->loop, c);
	wb_timer_fini(&c->wait_timer);
	wb_timer_fini(&c->gather_timer);
	wb_purge_fini(c);
	wb_broker_fini(c);
	wb_batch_forget(c);
	wb_batch_end(c);
	wb_arena_free(c->wave.arena);
	wb_arena_free(c->run.arena);
	wb_outbox_free(c->outbox);
	wb_pg_args_free(c->args);
	wb_buf_fini(&c->headers);
	for (size_t i = 0; i < c->n_routes; i++)
		free(c->routes[i].messages);
	free(c->routes);
	free(c->wave.messages);
	free(c->run.by_id);
	free(c->seen);
	free(c->dlq);
	c->magic = 0;
	free(c);
}

void
wb_consumer_drain(struct wb_consumer *c, wb_loop_fn done, void *arg)
{
	WB_ASSERT(!c->is_draining);
	c->is_draining = true;
	c->on_drained = done;
	c->on_drained_arg = arg;
	wb_broker_cancel(c);
	if (c->state == WB_CONSUMER_IDLE || c->state == WB_CONSUMER_WAITING)
		wb_consumer_enter(c, WB_CONSUMER_STOPPED);
}
