#include "support/amqp_fixture.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the loop ---- */

struct wait {
	struct wb_loop *loop;
	struct wb_timer timer;
	const size_t *counter; /* NULL: for the time only */
	size_t n;
	int64_t until_us;
};

static void
on_wait_timer(void *arg)
{
	struct wait *wait = arg;

	if ((wait->counter != NULL && *wait->counter >= wait->n) ||
	    wb_mono_us() >= wait->until_us)
		wb_loop_stop(wait->loop);
	else
		wb_timer_start_ms(&wait->timer, 1);
}

static void
run(struct wb_loop *loop, const size_t *counter, size_t n, int64_t ms)
{
	struct wait wait = { .loop = loop, .counter = counter, .n = n };

	wait.until_us = wb_mono_us() + ms * 1000;
	wb_timer_init(&wait.timer, loop, on_wait_timer, &wait);
	wb_timer_start_ms(&wait.timer, 0);
	wb_loop_run(loop);
	wb_timer_fini(&wait.timer);
}

void
wb_test_amqp_until(struct wb_loop *loop, const size_t *counter, size_t n)
{
	run(loop, counter, n, WB_TEST_AMQP_WAIT_MS);
	if (*counter < n)
		fail_msg("waited for %zu, got %zu", n, *counter);
}

void
wb_test_amqp_run_ms(struct wb_loop *loop, int64_t ms)
{
	run(loop, NULL, 0, ms);
}

/* ---- connections ---- */

static void
on_ready(void *arg)
{
	struct wb_test_amqp *amqp = arg;

	amqp->n_ready++;
}

static void
on_lost(void *arg, const char *why)
{
	struct wb_test_amqp *amqp = arg;

	amqp->n_lost++;
	(void)snprintf(amqp->why, sizeof(amqp->why), "%s", why);
}

static const struct wb_amqp_events amqp_events = {
	.on_ready = on_ready,
	.on_lost = on_lost,
};

void
wb_test_amqp_init(struct wb_test_amqp *amqp, struct wb_loop *loop,
                  const char *brokers)
{
	memset(amqp, 0, sizeof(*amqp));
	amqp->loop = loop;
	amqp->params = (struct wb_amqp_params){
		.brokers = wb_strdup(brokers),
		.connect_timeout_ms = 5000,
		.rpc_timeout_ms = 5000,
		.heartbeat_s = 10,
		.reconnect_cap_ms = 200,
		.tls_ca = wb_strdup(""),
		.tls_cert = wb_strdup(""),
		.tls_key = wb_strdup(""),
	};
}

void
wb_test_amqp_start(struct wb_test_amqp *amqp, const char *name)
{
	amqp->conn =
	    wb_amqp_new(amqp->loop, &amqp->params, name, &amqp_events, amqp);
}

void
wb_test_amqp_fini(struct wb_test_amqp *amqp)
{
	wb_amqp_free(amqp->conn);
	amqp->conn = NULL;
	free(amqp->params.brokers);
	free(amqp->params.tls_ca);
	free(amqp->params.tls_cert);
	free(amqp->params.tls_key);
}

void
wb_test_amqp_open(struct wb_test_amqp *amqp, struct wb_loop *loop,
                  const char *brokers)
{
	wb_test_amqp_init(amqp, loop, brokers);
	wb_test_amqp_start(amqp, "waybill-test");
	wb_test_amqp_until(loop, &amqp->n_ready, 1);
	assert_int_equal(amqp->n_lost, 0);
}

/* ---- channels ---- */

static void
on_open(void *arg)
{
	struct wb_test_channel *channel = arg;

	channel->n_open++;
}

static void
on_closed(void *arg, uint16_t code, const char *text)
{
	struct wb_test_channel *channel = arg;

	channel->n_closed++;
	channel->channel = NULL;
	channel->code = code;
	(void)snprintf(channel->text, sizeof(channel->text), "%s", text);
}

/* Tags may be confirmed in any order, one by one or all up to one. */
static void
on_confirm(void *arg, uint64_t tag, bool is_multiple, bool is_ack)
{
	struct wb_test_channel *channel = arg;
	size_t n = is_multiple ? (size_t)(tag - channel->settled_to) : 1;

	channel->n_settled += n;
	if (!is_ack)
		channel->n_nacked += n;
	if (is_multiple || tag == channel->settled_to + 1)
		channel->settled_to = tag;
}

static void
on_return(void *arg, const struct wb_amqp_return *returned)
{
	struct wb_test_channel *channel = arg;

	channel->n_returned++;
	channel->returned_after = channel->n_settled;
	channel->return_code = returned->code;
	(void)snprintf(channel->return_key, sizeof(channel->return_key), "%s",
	               returned->routing_key);
	(void)snprintf(channel->return_id, sizeof(channel->return_id), "%s",
	               returned->message_id);
}

static void
keep_headers(struct wb_test_channel *channel,
             const struct wb_amqp_properties *props)
{
	size_t i;

	channel->n_headers = props->n_headers;
	for (i = 0; i < props->n_headers; i++) {
		if (strcmp(props->headers[i].name, "text") == 0)
			(void)snprintf(channel->header_text,
			               sizeof(channel->header_text), "%s",
			               props->headers[i].text);
		if (strcmp(props->headers[i].name, "number") == 0)
			channel->header_number = props->headers[i].number;
	}
}

static void
on_delivery(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_test_channel *channel = arg;

	channel->n_delivered++;
	channel->tag = delivery->tag;
	channel->is_redelivered = delivery->is_redelivered;
	channel->timestamp_s = delivery->props.timestamp_s;
	wb_buf_clear(&channel->body);
	wb_buf_add(&channel->body, delivery->body, delivery->body_bytes);
	(void)snprintf(channel->message_id, sizeof(channel->message_id), "%s",
	               delivery->props.message_id);
	(void)snprintf(channel->type, sizeof(channel->type), "%s",
	               delivery->props.type);
	keep_headers(channel, &delivery->props);
	if (channel->is_auto_acked)
		wb_amqp_ack(channel->channel, delivery->tag, false);
}

static void
on_cancelled(void *arg, const char *consumer_tag)
{
	struct wb_test_channel *channel = arg;

	channel->n_cancelled++;
	(void)snprintf(channel->text, sizeof(channel->text), "%s",
	               consumer_tag);
}

static const struct wb_amqp_channel_events channel_events = {
	.on_open = on_open,
	.on_closed = on_closed,
	.on_confirm = on_confirm,
	.on_return = on_return,
	.on_delivery = on_delivery,
	.on_cancelled = on_cancelled,
};

void
wb_test_channel_open(struct wb_test_channel *channel, struct wb_test_amqp *amqp)
{
	memset(channel, 0, sizeof(*channel));
	channel->amqp = amqp;
	channel->channel =
	    wb_amqp_channel_open(amqp->conn, &channel_events, channel);
	assert_non_null(channel->channel);
	wb_test_amqp_until(amqp->loop, &channel->n_open, 1);
}

void
wb_test_channel_fini(struct wb_test_channel *channel)
{
	if (channel->channel != NULL)
		wb_amqp_channel_close(channel->channel);
	channel->channel = NULL;
	wb_buf_fini(&channel->body);
}

void
wb_test_on_reply(void *arg, enum wb_err err, uint32_t messages,
                 uint32_t consumers)
{
	struct wb_test_channel *channel = arg;

	channel->n_replies++;
	channel->err = err;
	channel->messages = messages;
	channel->consumers = consumers;
}

enum wb_err
wb_test_reply(struct wb_test_channel *channel)
{
	wb_test_amqp_until(channel->amqp->loop, &channel->n_replies,
	                   channel->n_replies + 1);
	return channel->err;
}

void
wb_test_declare(struct wb_test_channel *channel, const char *queue)
{
	static const struct wb_amqp_header quorum = { .name = "x-queue-type",
		                                      .text = "quorum" };

	wb_amqp_declare_queue(channel->channel, queue, &quorum, 1,
	                      wb_test_on_reply, channel);
	assert_int_equal(wb_test_reply(channel), WB_OK);
}

uint64_t
wb_test_publish(struct wb_test_channel *channel, const char *queue,
                const void *body, size_t bytes)
{
	struct wb_amqp_message message = {
		.exchange = "",
		.routing_key = queue,
		.is_mandatory = true,
		.props = { .is_persistent = true },
		.body = body,
		.body_bytes = bytes,
	};

	return wb_amqp_publish(channel->channel, &message);
}
