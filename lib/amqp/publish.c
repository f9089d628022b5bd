/* What a channel sends without waiting for an answer: messages and
 * acknowledgements. */
#include "amqp/channel.h"

#include "amqp/frames.h"
#include "base/mem.h"

#include <string.h>

/* Of basic.publish, with its frame and without the names. */
#define PUBLISH_BYTES 24u
/* Of a content header, with its frame and without the properties. */
#define HEADER_BYTES 24u

static amqp_table_entry_t *
scratch_entries(struct wb_amqp *conn, size_t n)
{
	if (n > conn->n_entries) {
		conn->entries =
		    wb_realloc(conn->entries, n * sizeof(*conn->entries));
		conn->n_entries = n;
	}
	return conn->entries;
}

static void
send_body(struct wb_amqp *conn, uint16_t channel, const char *body,
          size_t bytes)
{
	size_t most = conn->frame_max - WB_AMQP_FRAME_OVERHEAD;

	while (bytes > 0) {
		size_t part = bytes < most ? bytes : most;
		uint8_t *at =
		    wb_amqp_out_reserve(conn, part + WB_AMQP_FRAME_OVERHEAD);

		wb_amqp_out_commit(conn, at,
		                   wb_amqp_put_body(at, channel, body, part));
		body += part;
		bytes -= part;
	}
}

uint64_t
wb_amqp_publish(struct wb_amqp_channel *channel,
                const struct wb_amqp_message *message)
{
	struct wb_amqp *conn = channel->conn;
	amqp_basic_properties_t properties;
	amqp_basic_publish_t publish = {
		.exchange = amqp_cstring_bytes(message->exchange),
		.routing_key = amqp_cstring_bytes(message->routing_key),
		.mandatory = message->is_mandatory,
	};
	size_t room, method, header;
	uint8_t *at;

	if (conn->state != WB_AMQP_READY ||
	    channel->state == WB_AMQP_CH_CLOSING)
		return 0; /* on_closed is on its way, or was not wanted */
	WB_ASSERT(channel->state == WB_AMQP_CH_OPEN);
	room =
	    PUBLISH_BYTES + publish.exchange.len + publish.routing_key.len +
	    HEADER_BYTES +
	    wb_amqp_fill_properties(
	        &message->props,
	        scratch_entries(conn, message->props.n_headers), &properties);
	at = wb_amqp_out_reserve(conn, room);
	method = wb_amqp_put_method(at, room, channel->id,
	                            AMQP_BASIC_PUBLISH_METHOD, &publish);
	if (method == 0)
		return 0;
	header = wb_amqp_put_header(at + method, room - method, channel->id,
	                            message->body_bytes, &properties);
	if (header == 0 || header > conn->frame_max)
		return 0;
	wb_amqp_out_commit(conn, at, method + header);
	send_body(conn, channel->id, message->body, message->body_bytes);
	return channel->is_confirming ? ++channel->published : 0;
}

void
wb_amqp_ack(struct wb_amqp_channel *channel, uint64_t tag, bool is_multiple)
{
	amqp_basic_ack_t ack = { .delivery_tag = tag, .multiple = is_multiple };

	if (channel->conn->state == WB_AMQP_READY &&
	    channel->state == WB_AMQP_CH_OPEN)
		wb_amqp_send_method(channel->conn, channel->id,
		                    AMQP_BASIC_ACK_METHOD, &ack);
}

void
wb_amqp_reject(struct wb_amqp_channel *channel, uint64_t tag, bool is_requeued)
{
	amqp_basic_reject_t reject = { .delivery_tag = tag,
		                       .requeue = is_requeued };

	if (channel->conn->state == WB_AMQP_READY &&
	    channel->state == WB_AMQP_CH_OPEN)
		wb_amqp_send_method(channel->conn, channel->id,
		                    AMQP_BASIC_REJECT_METHOD, &reject);
}
