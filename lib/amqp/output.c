/* Frames go straight into the bufferevent's output, which is written once per
 * turn of the loop. Space is taken in large chains, so that a frame costs no
 * allocation. */
#include "amqp/internal.h"

#include "amqp/frames.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

/* With libevent's own header just within 64 KiB. */
#define CHAIN_BYTES (65536u - 128u)

uint8_t *
wb_amqp_out_reserve(struct wb_amqp *conn, size_t bytes)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);
	struct evbuffer_iovec space;
	size_t want = bytes;
	int n;

	/* The last chain is known to have room unless it was written out. */
	if (bytes > conn->chain_room || evbuffer_get_length(output) == 0) {
		if (want < CHAIN_BYTES)
			want = CHAIN_BYTES;
	}
	n = evbuffer_reserve_space(output, (ev_ssize_t)want, &space, 1);
	WB_ASSERT(n == 1 && space.iov_len >= bytes);
	conn->chain_room = space.iov_len;
	return space.iov_base;
}

void
wb_amqp_out_commit(struct wb_amqp *conn, uint8_t *at, size_t bytes)
{
	struct evbuffer_iovec used = { .iov_base = at, .iov_len = bytes };
	int failed =
	    evbuffer_commit_space(bufferevent_get_output(conn->bev), &used, 1);

	WB_ASSERT(failed == 0);
	conn->chain_room -= bytes;
	conn->has_sent = true;
}

void
wb_amqp_send_method(struct wb_amqp *conn, uint16_t channel,
                    amqp_method_number_t method, void *decoded)
{
	uint8_t *at = wb_amqp_out_reserve(conn, WB_AMQP_METHOD_ROOM);
	size_t bytes = wb_amqp_put_method(at, WB_AMQP_METHOD_ROOM, channel,
	                                  method, decoded);

	WB_ASSERT(bytes > 0);
	wb_amqp_out_commit(conn, at, bytes);
}

/* Not for TLS, whose records only the bufferevent can make. */
void
wb_amqp_out_push(struct wb_amqp *conn)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);

	if (wb_amqp_broker(conn)->is_tls)
		return;
	(void)evbuffer_unfreeze(output, 1);
	(void)evbuffer_write(output, bufferevent_getfd(conn->bev));
}
