/* Bytes -> frames (librabbitmq) -> tables of methods. */
#include "amqp/internal.h"

#include "amqp/channel.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include <stdio.h>

/* What librabbitmq reports instead of a frame when the broker answers with
 * another protocol version; its private headers name it. */
#define PROTOCOL_HEADER 'A'

/* ---- methods of channel 0 ---- */

static void
on_start(struct wb_amqp *conn, void *decoded)
{
	wb_amqp_on_start(conn, decoded);
}

static void
on_tune(struct wb_amqp *conn, void *decoded)
{
	wb_amqp_on_tune(conn, decoded);
}

static void
on_open_ok(struct wb_amqp *conn, void *decoded)
{
	(void)decoded;
	wb_amqp_go(conn, WB_AMQP_READY);
}

static void
on_blocked(struct wb_amqp *conn, void *decoded)
{
	const amqp_connection_blocked_t *blocked = decoded;
	char why[128];

	(void)snprintf(why, sizeof(why), "%.*s", (int)blocked->reason.len,
	               (const char *)blocked->reason.bytes);
	conn->is_blocked = true;
	if (conn->state == WB_AMQP_READY && conn->events->on_blocked != NULL)
		conn->events->on_blocked(conn->arg, why);
}

static void
on_unblocked(struct wb_amqp *conn, void *decoded)
{
	(void)decoded;
	conn->is_blocked = false;
	if (conn->state == WB_AMQP_READY && conn->events->on_unblocked != NULL)
		conn->events->on_unblocked(conn->arg);
}

static void
on_close(struct wb_amqp *conn, void *decoded)
{
	const amqp_connection_close_t *close = decoded;
	amqp_connection_close_ok_t ok = { 0 };

	wb_amqp_send_method(conn, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
	wb_amqp_out_push(conn);
	wb_amqp_lost(conn, "closed by the broker: %u %.*s",
	             (unsigned)close->reply_code, (int)close->reply_text.len,
	             (const char *)close->reply_text.bytes);
}

static void
on_close_ok(struct wb_amqp *conn, void *decoded)
{
	(void)decoded;
	wb_amqp_go(conn, WB_AMQP_ENDED);
}

#define IN(name) (1u << WB_AMQP_##name)
#define ANY      (IN(START) | IN(TUNE) | IN(OPEN) | IN(READY) | IN(CLOSING))

static const struct {
	amqp_method_number_t method;
	unsigned states; /* in which it is welcome */
	void (*handle)(struct wb_amqp *conn, void *decoded);
} connection_methods[] = {
	{ AMQP_CONNECTION_START_METHOD, IN(START), on_start },
	{ AMQP_CONNECTION_TUNE_METHOD, IN(TUNE), on_tune },
	{ AMQP_CONNECTION_OPEN_OK_METHOD, IN(OPEN), on_open_ok },
	{ AMQP_CONNECTION_BLOCKED_METHOD, IN(READY) | IN(CLOSING), on_blocked },
	{ AMQP_CONNECTION_UNBLOCKED_METHOD, IN(READY) | IN(CLOSING),
	  on_unblocked },
	{ AMQP_CONNECTION_CLOSE_METHOD, ANY, on_close },
	{ AMQP_CONNECTION_CLOSE_OK_METHOD, IN(CLOSING), on_close_ok },
};

static void
handle_connection_method(struct wb_amqp *conn, const amqp_method_t *method)
{
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(connection_methods); i++) {
		if (connection_methods[i].method == method->id &&
		    (connection_methods[i].states & 1u << conn->state) != 0) {
			connection_methods[i].handle(conn, method->decoded);
			return;
		}
	}
	wb_amqp_refuse(conn, AMQP_COMMAND_INVALID, "unexpected method 0x%08x",
	               (unsigned)method->id);
}

/* ---- methods of a channel ---- */

static void
confirm(const struct wb_amqp_channel *channel, uint64_t tag, bool is_multiple,
        bool is_ack)
{
	if (channel->events != NULL && channel->events->on_confirm != NULL)
		channel->events->on_confirm(channel->arg, tag, is_multiple,
		                            is_ack);
}

static void
on_ack(struct wb_amqp_channel *channel, void *decoded)
{
	const amqp_basic_ack_t *ack = decoded;

	confirm(channel, ack->delivery_tag, ack->multiple != 0, true);
}

static void
on_nack(struct wb_amqp_channel *channel, void *decoded)
{
	const amqp_basic_nack_t *nack = decoded;

	confirm(channel, nack->delivery_tag, nack->multiple != 0, false);
}

static void
on_deliver(struct wb_amqp_channel *channel, void *decoded)
{
	wb_amqp_content_on_deliver(channel, decoded);
}

static void
on_return(struct wb_amqp_channel *channel, void *decoded)
{
	wb_amqp_content_on_return(channel, decoded);
}

static void
on_cancel(struct wb_amqp_channel *channel, void *decoded)
{
	amqp_basic_cancel_t *cancel = decoded;
	char tag[256];

	(void)snprintf(tag, sizeof(tag), "%.*s", (int)cancel->consumer_tag.len,
	               (const char *)cancel->consumer_tag.bytes);
	if (!cancel->nowait) {
		amqp_basic_cancel_ok_t ok = { .consumer_tag =
			                          cancel->consumer_tag };

		wb_amqp_send_method(channel->conn, channel->id,
		                    AMQP_BASIC_CANCEL_OK_METHOD, &ok);
	}
	if (channel->events != NULL && channel->events->on_cancelled != NULL)
		channel->events->on_cancelled(channel->arg, tag);
}

static void
on_channel_close(struct wb_amqp_channel *channel, void *decoded)
{
	wb_amqp_channel_on_close(channel, decoded);
}

static const struct {
	amqp_method_number_t method;
	void (*handle)(struct wb_amqp_channel *channel, void *decoded);
} channel_methods[] = {
	{ AMQP_BASIC_DELIVER_METHOD, on_deliver },
	{ AMQP_BASIC_ACK_METHOD, on_ack },
	{ AMQP_BASIC_NACK_METHOD, on_nack },
	{ AMQP_BASIC_RETURN_METHOD, on_return },
	{ AMQP_BASIC_CANCEL_METHOD, on_cancel },
	{ AMQP_CHANNEL_CLOSE_METHOD, on_channel_close },
};

static void
handle_channel_method(struct wb_amqp_channel *channel,
                      const amqp_method_t *method)
{
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(channel_methods); i++) {
		if (channel_methods[i].method == method->id) {
			channel_methods[i].handle(channel, method->decoded);
			return;
		}
	}
	if (!wb_amqp_channel_answer(channel, method))
		wb_amqp_refuse(channel->conn, AMQP_COMMAND_INVALID,
		               "unexpected method 0x%08x on channel %u",
		               (unsigned)method->id, (unsigned)channel->id);
}

/* ---- frames ---- */

static void
handle_frame(struct wb_amqp *conn, const amqp_frame_t *frame)
{
	struct wb_amqp_channel *channel =
	    wb_amqp_channel_at(conn, frame->channel);

	if (frame->frame_type == PROTOCOL_HEADER) {
		wb_amqp_lost(conn, "the broker does not speak AMQP 0-9-1");
	} else if (frame->frame_type == AMQP_FRAME_HEARTBEAT) {
		return; /* that there was input is noted in wb_amqp_read */
	} else if (frame->frame_type == AMQP_FRAME_METHOD &&
	           frame->channel == 0) {
		handle_connection_method(conn, &frame->payload.method);
	} else if (channel == NULL) {
		wb_amqp_refuse(conn, AMQP_CHANNEL_ERROR,
		               "a frame for channel %u, which is not open",
		               (unsigned)frame->channel);
	} else if (frame->frame_type == AMQP_FRAME_METHOD) {
		handle_channel_method(channel, &frame->payload.method);
	} else {
		wb_amqp_content_on_frame(channel, frame);
	}
}

/* The codec is stuck behind a bad frame, so the connection is at its end. */
static void
refuse_malformed(struct wb_amqp *conn, int status)
{
	wb_amqp_refuse(
	    conn,
	    status == AMQP_STATUS_UNKNOWN_METHOD ? AMQP_NOT_IMPLEMENTED
	                                         : AMQP_FRAME_ERROR,
	    "a frame that can't be decoded: %s", amqp_error_string2(status));
}

/* Handles the frames of one piece of input; all of it is used up unless the
 * connection ends on the way. */
static void
feed(struct wb_amqp *conn, struct evbuffer_iovec piece)
{
	const struct bufferevent *bev = conn->bev;
	amqp_bytes_t rest = { .len = piece.iov_len, .bytes = piece.iov_base };
	amqp_frame_t frame;

	while (rest.len > 0 && conn->bev == bev) {
		int used = amqp_handle_input(conn->codec, rest, &frame);

		if (used <= 0) {
			refuse_malformed(conn, used);
			return;
		}
		rest.bytes = (char *)rest.bytes + used;
		rest.len -= (size_t)used;
		if (frame.frame_type == 0)
			continue;
		handle_frame(conn, &frame);
		/* Everything that is kept has been copied. */
		if (conn->bev == bev)
			amqp_maybe_release_buffers_on_channel(conn->codec,
			                                      frame.channel);
	}
}

void
wb_amqp_read(struct wb_amqp *conn)
{
	struct bufferevent *bev = conn->bev;
	struct evbuffer *input = bufferevent_get_input(bev);
	struct evbuffer_iovec piece;

	conn->ticks_silent = 0;
	while (evbuffer_peek(input, 1, NULL, &piece, 1) > 0) {
		feed(conn, piece);
		if (conn->bev != bev)
			return; /* input is gone with it */
		(void)evbuffer_drain(input, piece.iov_len);
	}
	/* Also of frames that the codec swallowed. */
	amqp_maybe_release_buffers(conn->codec);
}
