/* Channels inside lib/amqp: states, the FIFO of methods, content. */
#ifndef WB_AMQP_CHANNEL_H
#define WB_AMQP_CHANNEL_H

#include "amqp/internal.h"

enum wb_amqp_channel_state {
	WB_AMQP_CH_OPENING, /* channel.open sent */
	WB_AMQP_CH_OPEN,    /* on_open has been called */
	WB_AMQP_CH_CLOSING, /* channel.close sent; input is swallowed until
	                       close-ok, then the id is free */
	WB_AMQP_CH_GONE,    /* in its on_closed; freed after it */
};

/* A synchronous method, encoded, and who waits for its answer. */
struct wb_amqp_rpc {
	struct wb_amqp_rpc *next;
	amqp_method_number_t method, answer;
	wb_amqp_reply_fn reply; /* may be NULL */
	void *arg;
	size_t frame_bytes;
	uint8_t frame[];
};

/* What the channel's content frames belong to. */
enum wb_amqp_content_kind {
	WB_AMQP_CONTENT_NONE,
	WB_AMQP_CONTENT_DELIVERY,
	WB_AMQP_CONTENT_RETURN,
};

/* A message coming in. Texts are copied into the arena, so that the codec's
 * memory can be given back after every frame. */
struct wb_amqp_content {
	enum wb_amqp_content_kind kind;
	bool has_header; /* body frames are next */
	struct wb_arena *arena;
	struct wb_amqp_delivery delivery;
	uint16_t return_code;
	const char *return_text;
	uint64_t want_bytes; /* of the body, as the header said */
	struct wb_buf body;  /* when it comes in several frames */
};

/* Owned by the connection: from wb_amqp_channel_open until on_closed has
 * returned, or until close-ok after wb_amqp_channel_close. */
struct wb_amqp_channel {
	unsigned magic;
	uint16_t id;
	enum wb_amqp_channel_state state;
	struct wb_amqp *conn;
	const struct wb_amqp_channel_events *events; /* NULL: no callbacks */
	void *arg;
	bool is_confirming;                   /* confirm.select is on its way */
	uint64_t published;                   /* since then: the last tag */
	struct wb_amqp_rpc *rpcs, **rpcs_end; /* the first one is sent */
	struct wb_timer deadline; /* for the answer to the first, or close-ok */
	struct wb_note failure;   /* why it is about to be closed by us */
	struct wb_amqp_content content;
};

static inline struct wb_amqp_channel *
wb_amqp_channel_at(const struct wb_amqp *conn, uint16_t id)
{
	return id == 0 || id > conn->channel_max ? NULL
	                                         : conn->channels[id - 1];
}

/* Queues a method; it is sent when the answers to all before it are here. */
void wb_amqp_call(struct wb_amqp_channel *channel, amqp_method_number_t method,
                  amqp_method_number_t answer, void *decoded,
                  wb_amqp_reply_fn reply, void *arg);

/* Takes a method that may be an answer, or close-ok. False: not awaited. The
 * channel may be gone after it. */
bool wb_amqp_channel_answer(struct wb_amqp_channel *channel,
                            const amqp_method_t *method);

void wb_amqp_channel_on_close(struct wb_amqp_channel *channel,
                              const amqp_channel_close_t *close);

/* Ends every channel: replies, on_closed(0, why), memory. */
void wb_amqp_channels_end(struct wb_amqp *conn, const char *why);

/* No callbacks from any channel from now on; they stay allocated. */
void wb_amqp_channels_silence(struct wb_amqp *conn);

/* Frees what is left, without callbacks. */
void wb_amqp_channels_free(struct wb_amqp *conn);

/* ---- content.c ---- */

void wb_amqp_content_fini(struct wb_amqp_content *content);
void wb_amqp_content_on_deliver(struct wb_amqp_channel *channel,
                                const amqp_basic_deliver_t *deliver);
void wb_amqp_content_on_return(struct wb_amqp_channel *channel,
                               const amqp_basic_return_t *returned);

/* A content header or body frame of this channel; refuses the connection if
 * none is due. */
void wb_amqp_content_on_frame(struct wb_amqp_channel *channel,
                              const amqp_frame_t *frame);

#endif
