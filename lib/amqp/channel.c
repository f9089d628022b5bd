/* Channels: ids, states and the FIFO of synchronous methods. */
#include "amqp/channel.h"

#include "amqp/frames.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void
free_rpcs(struct wb_amqp_channel *channel)
{
	while (channel->rpcs != NULL) {
		struct wb_amqp_rpc *next = channel->rpcs->next;

		free(channel->rpcs);
		channel->rpcs = next;
	}
	channel->rpcs_end = &channel->rpcs;
}

/* Gives memory and id back. */
static void
channel_free(struct wb_amqp_channel *channel)
{
	struct wb_amqp *conn = channel->conn;

	conn->channels[channel->id - 1] = NULL;
	wb_loop_undefer(conn->loop, channel);
	wb_timer_fini(&channel->deadline);
	free_rpcs(channel);
	wb_amqp_content_fini(&channel->content);
	channel->magic = 0;
	free(channel);
}

/* Tells everyone who waits, then the owner; no callback after that. */
static void
finish(struct wb_amqp_channel *channel, enum wb_err err, uint16_t code,
       const char *text)
{
	const struct wb_amqp_channel_events *events;

	while (channel->rpcs != NULL) {
		struct wb_amqp_rpc *rpc = channel->rpcs;

		channel->rpcs = rpc->next;
		if (channel->events != NULL && rpc->reply != NULL)
			rpc->reply(rpc->arg, err, 0, 0);
		free(rpc);
	}
	channel->rpcs_end = &channel->rpcs;
	events = channel->events;
	channel->events = NULL;
	if (events != NULL)
		events->on_closed(channel->arg, code, text);
}

/* ---- the FIFO ---- */

/* Methods that were queued while the channel could not send stay there. */
static void
send_first(struct wb_amqp_channel *channel)
{
	struct wb_amqp *conn = channel->conn;
	const struct wb_amqp_rpc *rpc = channel->rpcs;
	uint8_t *at;

	if (rpc == NULL || rpc->frame_bytes == 0 ||
	    conn->state != WB_AMQP_READY)
		return;
	at = wb_amqp_out_reserve(conn, rpc->frame_bytes);
	memcpy(at, rpc->frame, rpc->frame_bytes);
	wb_amqp_out_commit(conn, at, rpc->frame_bytes);
	if (rpc->method == AMQP_CONFIRM_SELECT_METHOD)
		channel->is_confirming = true;
	wb_timer_start_ms(&channel->deadline, conn->params->rpc_timeout_ms);
}

/* Closes it from our side; the struct keeps the id until close-ok. */
static void
start_closing(struct wb_amqp_channel *channel, uint16_t code, const char *text)
{
	struct wb_amqp *conn = channel->conn;
	amqp_channel_close_t close = { .reply_code = code };

	channel->state = WB_AMQP_CH_CLOSING;
	if (conn->state != WB_AMQP_READY)
		return; /* it is freed with the connection */
	close.reply_text = amqp_cstring_bytes(text);
	wb_amqp_send_method(conn, channel->id, AMQP_CHANNEL_CLOSE_METHOD,
	                    &close);
	wb_timer_start_ms(&channel->deadline, conn->params->rpc_timeout_ms);
}

/* For a method that could not be encoded, one step after the call. */
static void
on_failure(void *arg)
{
	struct wb_amqp_channel *channel;
	struct wb_amqp *conn;

	WB_CAST(channel, arg, WB_AMQP_CHANNEL_MAGIC);
	conn = channel->conn;
	wb_amqp_enter(conn);
	if (channel->state == WB_AMQP_CH_OPENING ||
	    channel->state == WB_AMQP_CH_OPEN) {
		start_closing(channel, AMQP_REPLY_SUCCESS, "");
		finish(channel, WB_ERR_BROKER_REFUSED, 0,
		       channel->failure.text);
	}
	wb_amqp_leave(conn);
}

void
wb_amqp_call(struct wb_amqp_channel *channel, amqp_method_number_t method,
             amqp_method_number_t answer, void *decoded, wb_amqp_reply_fn reply,
             void *arg)
{
	uint8_t frame[WB_AMQP_METHOD_ROOM];
	size_t bytes = wb_amqp_put_method(frame, sizeof(frame), channel->id,
	                                  method, decoded);
	struct wb_amqp_rpc *rpc;

	if (channel->state == WB_AMQP_CH_CLOSING ||
	    channel->state == WB_AMQP_CH_GONE)
		return;
	rpc = wb_zalloc(sizeof(*rpc) + bytes);
	rpc->method = method;
	rpc->answer = answer;
	rpc->reply = reply;
	rpc->arg = arg;
	rpc->frame_bytes = bytes;
	memcpy(rpc->frame, frame, bytes);
	*channel->rpcs_end = rpc;
	channel->rpcs_end = &rpc->next;
	if (bytes == 0) {
		(void)wb_fail(&channel->failure, WB_ERR_BROKER_REFUSED,
		              "method 0x%08x: a name is too long",
		              (unsigned)method);
		wb_loop_defer(channel->conn->loop, on_failure, channel);
	}
	if (channel->rpcs == rpc)
		send_first(channel);
}

static void
take_counts(const amqp_method_t *method, uint32_t *messages,
            uint32_t *consumers)
{
	*messages = *consumers = 0;
	if (method->id == AMQP_QUEUE_DECLARE_OK_METHOD) {
		const amqp_queue_declare_ok_t *ok = method->decoded;

		*messages = ok->message_count;
		*consumers = ok->consumer_count;
	}
}

/* The next method is on its way before the answer is passed on. */
bool
wb_amqp_channel_answer(struct wb_amqp_channel *channel,
                       const amqp_method_t *method)
{
	struct wb_amqp_rpc *rpc = channel->rpcs;
	uint32_t messages, consumers;

	if (channel->state == WB_AMQP_CH_CLOSING) {
		if (method->id == AMQP_CHANNEL_CLOSE_OK_METHOD)
			channel_free(channel);
		return true;
	}
	if (rpc == NULL || rpc->answer != method->id)
		return false;
	take_counts(method, &messages, &consumers);
	wb_timer_stop(&channel->deadline);
	channel->rpcs = rpc->next;
	if (channel->rpcs == NULL)
		channel->rpcs_end = &channel->rpcs;
	send_first(channel);
	if (method->id == AMQP_CHANNEL_OPEN_OK_METHOD) {
		channel->state = WB_AMQP_CH_OPEN;
		if (channel->events != NULL && channel->events->on_open != NULL)
			channel->events->on_open(channel->arg);
	} else if (channel->events != NULL && rpc->reply != NULL) {
		rpc->reply(rpc->arg, WB_OK, messages, consumers);
	}
	free(rpc);
	return true;
}

static void
on_deadline(void *arg)
{
	struct wb_amqp_channel *channel;
	struct wb_amqp *conn;
	long long limit_ms;

	WB_CAST(channel, arg, WB_AMQP_CHANNEL_MAGIC);
	conn = channel->conn;
	limit_ms = (long long)conn->params->rpc_timeout_ms;
	wb_amqp_enter(conn);
	if (conn->is_blocked) { /* the broker does not read what we say */
		wb_timer_start_ms(&channel->deadline, limit_ms);
	} else if (channel->state == WB_AMQP_CH_CLOSING) {
		wb_amqp_lost(conn, "no channel.close-ok within %lld ms",
		             limit_ms);
	} else {
		(void)wb_fail(&channel->failure, WB_ERR_BROKER_LOST,
		              "no answer to method 0x%08x within %lld ms",
		              (unsigned)channel->rpcs->method, limit_ms);
		start_closing(channel, AMQP_REPLY_SUCCESS, "no answer");
		finish(channel, WB_ERR_BROKER_LOST, 0, channel->failure.text);
	}
	wb_amqp_leave(conn);
}

/* ---- the end of channels ---- */

/* When both sides close at the same time, ours is still answered. */
void
wb_amqp_channel_on_close(struct wb_amqp_channel *channel,
                         const amqp_channel_close_t *close)
{
	amqp_channel_close_ok_t ok = { 0 };
	struct wb_note note;

	wb_amqp_send_method(channel->conn, channel->id,
	                    AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
	if (channel->state == WB_AMQP_CH_CLOSING)
		return;
	channel->state = WB_AMQP_CH_GONE;
	(void)wb_fail(&note, WB_ERR_BROKER_REFUSED, "%.*s",
	              (int)close->reply_text.len,
	              (const char *)close->reply_text.bytes);
	finish(channel, wb_amqp_reply_err(close->reply_code), close->reply_code,
	       note.text);
	channel_free(channel);
}

void
wb_amqp_channels_end(struct wb_amqp *conn, const char *why)
{
	size_t i;

	for (i = 0; i < conn->channel_max; i++) {
		struct wb_amqp_channel *channel = conn->channels[i];

		if (channel == NULL)
			continue;
		channel->state = WB_AMQP_CH_GONE;
		finish(channel, WB_ERR_BROKER_LOST, 0, why);
		channel_free(channel);
	}
	wb_amqp_channels_free(conn);
}

void
wb_amqp_channels_silence(struct wb_amqp *conn)
{
	size_t i;

	for (i = 0; i < conn->channel_max; i++) {
		if (conn->channels[i] != NULL)
			conn->channels[i]->events = NULL;
	}
}

void
wb_amqp_channels_free(struct wb_amqp *conn)
{
	size_t i;

	for (i = 0; i < conn->channel_max; i++) {
		/* clang's analyzer misses that it empties its place. */
		if (conn->channels[i] != NULL)
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
			channel_free(conn->channels[i]);
	}
	free(conn->channels);
	conn->channels = NULL;
	conn->channel_max = 0;
}

/* ---- public ---- */

static uint16_t
free_id(const struct wb_amqp *conn)
{
	uint16_t i;

	for (i = 0; i < conn->channel_max; i++) {
		if (conn->channels[i] == NULL)
			return (uint16_t)(i + 1);
	}
	return 0;
}

struct wb_amqp_channel *
wb_amqp_channel_open(struct wb_amqp *conn,
                     const struct wb_amqp_channel_events *events, void *arg)
{
	amqp_channel_open_t open = { 0 };
	struct wb_amqp_channel *channel;
	uint16_t id;

	WB_ASSERT(conn->state == WB_AMQP_READY);
	id = free_id(conn);
	if (id == 0)
		return NULL;
	channel = wb_zalloc(sizeof(*channel));
	channel->magic = WB_AMQP_CHANNEL_MAGIC;
	channel->id = id;
	channel->state = WB_AMQP_CH_OPENING;
	channel->conn = conn;
	channel->events = events;
	channel->arg = arg;
	channel->rpcs_end = &channel->rpcs;
	channel->content.arena = wb_arena_new();
	wb_timer_init(&channel->deadline, conn->loop, on_deadline, channel);
	conn->channels[id - 1] = channel;
	wb_amqp_call(channel, AMQP_CHANNEL_OPEN_METHOD,
	             AMQP_CHANNEL_OPEN_OK_METHOD, &open, NULL, NULL);
	return channel;
}

void
wb_amqp_channel_close(struct wb_amqp_channel *channel)
{
	channel->events = NULL;
	if (channel->state == WB_AMQP_CH_CLOSING ||
	    channel->state == WB_AMQP_CH_GONE)
		return;
	free_rpcs(channel);
	wb_timer_stop(&channel->deadline);
	start_closing(channel, AMQP_REPLY_SUCCESS, "");
}
