/* The subscription: a channel with a prefetch that consumes the queue. What
 * ends it (connection lost, channel closed, queue deleted, consumer cancelled)
 * is followed by the next try, with back-off; the health entries say why. */
#include "saga/engine.h"

#include <stdlib.h>

#include "base/log.h"

#define TO(state) (1u << WB_BROKER_##state)

static void enter(struct wb_consumer *c, enum wb_broker_state to);

/* ---- channel events ---- */

static void
on_closed(void *arg, uint16_t code, const char *text)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	c->channel = NULL;
	/* Code 0 is the connection's own end: its health entry tells. Of tries
	 * that are refused one after the other the first is logged. */
	if (code != 0 && c->refusals == 0)
		wb_log_warn(WB_LOG_AMQP_CHANNEL, "queue=%s code=%u why=\"%s\"",
		            c->config->name, (unsigned)code, text);
	wb_health_set(c->queue_health, false, "%s", text);
	if (c->broker_state != WB_BROKER_CANCELLED)
		enter(c, WB_BROKER_PAUSED);
}

/* Gives the channel up, and with it what is unacked on it. */
static void
resubscribe(struct wb_consumer *c, const char *why)
{
	wb_amqp_channel_close(c->channel);
	c->channel = NULL;
	wb_health_set(c->queue_health, false, "%s", why);
	if (c->broker_state != WB_BROKER_CANCELLED)
		enter(c, WB_BROKER_PAUSED);
}

static void
on_cancelled(void *arg, const char *consumer_tag)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	wb_log_warn(WB_LOG_AMQP_CANCELLED, "queue=%s consumer=%s",
	            c->config->name, consumer_tag);
	resubscribe(c, "the broker cancelled the consumer");
}

static void
on_delivery(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_consumer *c;
	struct wb_message *message;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	if (c->broker_state == WB_BROKER_CANCELLED)
		return;
	if (!wb_acks_deliver(&c->acks, delivery->tag)) {
		resubscribe(c, "the broker's delivery tags are out of step");
		return;
	}
	message = wb_message_new(delivery);
	message->generation = c->generation;
	wb_batch_push(c, message);
	wb_consumer_kick(c);
}

static void
on_consuming(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	struct wb_consumer *c;

	(void)messages;
	(void)consumers;
	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	if (err == WB_OK && c->broker_state == WB_BROKER_OPENING)
		enter(c, WB_BROKER_CONSUMING);
}

static const struct wb_amqp_channel_events channel_events = {
	.on_closed = on_closed,
	.on_delivery = on_delivery,
	.on_cancelled = on_cancelled,
};

/* ---- states ---- */

/* The tags of the channel that was mean nothing any more, and what was not
 * begun comes again. The wave in hand goes on: its effects are as right as
 * ever, and the inbox folds its messages when they come again. */
static void
forget_channel(struct wb_consumer *c)
{
	c->generation++;
	wb_batch_forget(c);
	wb_acks_reset(&c->acks);
}

static void
enter_down(struct wb_consumer *c)
{
	wb_timer_stop(&c->resume_timer);
	forget_channel(c);
}

static void
enter_opening(struct wb_consumer *c)
{
	const char *instance = c->config->instance;

	forget_channel(c);
	c->channel = wb_amqp_channel_open(c->amqp, &channel_events, c);
	wb_amqp_qos(c->channel, (uint16_t)c->params->prefetch, NULL, NULL);
	wb_amqp_consume(c->channel, c->config->name,
	                instance == NULL ? c->config->name : instance,
	                on_consuming, c);
}

static void
enter_consuming(struct wb_consumer *c)
{
	c->refusals = 0;
	wb_health_set(c->queue_health, true, "consuming");
}

static void
enter_paused(struct wb_consumer *c)
{
	forget_channel(c);
	wb_timer_start_ms(&c->resume_timer,
	                  wb_backoff_ms(&c->resume, c->refusals++));
}

static void
enter_cancelled(struct wb_consumer *c)
{
	wb_timer_stop(&c->resume_timer);
	wb_health_set(c->queue_health, false, "draining");
}

static const struct {
	const char *name;
	unsigned to;
	void (*on_entry)(struct wb_consumer *c);
} states[] = {
#define X(name, to, entry) [WB_BROKER_##name] = { #name, (to), entry },
	WB_BROKER_STATE_TABLE(X)
#undef X
};

static void
enter(struct wb_consumer *c, enum wb_broker_state to)
{
	WB_ASSERT(states[c->broker_state].to & 1u << to);
	wb_log_debug(WB_LOG_CONSUMER_STATE, "queue=%s from=%s to=%s",
	             c->config->name, states[c->broker_state].name,
	             states[to].name);
	c->broker_state = to;
	states[to].on_entry(c);
}

/* ---- connection events ---- */

static void
on_ready(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	wb_health_set(c->amqp_health, true, "connected");
	if (c->broker_state == WB_BROKER_DOWN)
		enter(c, WB_BROKER_OPENING);
}

static void
on_lost(void *arg, const char *why)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	wb_health_set(c->amqp_health, false, "%s", why);
	if (c->broker_state != WB_BROKER_CANCELLED)
		enter(c, WB_BROKER_DOWN);
}

const struct wb_amqp_events wb_broker_events = {
	.on_ready = on_ready,
	.on_lost = on_lost,
};

static void
on_resume(void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	if (c->broker_state == WB_BROKER_PAUSED && wb_amqp_is_ready(c->amqp))
		enter(c, WB_BROKER_OPENING);
}

void
wb_broker_init(struct wb_consumer *c, const struct wb_amqp_params *params)
{
	c->broker_state = WB_BROKER_DOWN;
	c->resume = (struct wb_backoff){
		.base_ms = 100,
		.factor = 2,
		.cap_ms = params->reconnect_cap_ms,
	};
	wb_timer_init(&c->resume_timer, c->loop, on_resume, c);
	wb_acks_init(&c->acks, c->params->prefetch);
}

void
wb_broker_fini(struct wb_consumer *c)
{
	wb_timer_fini(&c->resume_timer);
	wb_acks_fini(&c->acks);
}

void
wb_broker_cancel(struct wb_consumer *c)
{
	const char *instance = c->config->instance;
	bool is_consuming = c->broker_state == WB_BROKER_CONSUMING;

	if (c->broker_state == WB_BROKER_CANCELLED)
		return;
	enter(c, WB_BROKER_CANCELLED);
	if (is_consuming)
		wb_amqp_cancel(c->channel,
		               instance == NULL ? c->config->name : instance,
		               NULL, NULL);
}
