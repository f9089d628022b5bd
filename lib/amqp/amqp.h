/* A non-blocking AMQP 0-9-1 connection on the event loop: librabbitmq is the
 * codec, a bufferevent (plain or TLS) does the I/O. It reconnects itself for
 * ever over a list of brokers, with back-off and jitter. Nothing here blocks
 * (a host name is resolved by the loop's own resolver).
 *
 * Channels belong to one connection attempt: when the connection is lost all of
 * them are closed (on_closed), and on_ready is the place to open new ones. */
#ifndef WB_AMQP_AMQP_H
#define WB_AMQP_AMQP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/params.h"
#include "loop/loop.h"

struct wb_amqp;
struct wb_amqp_channel;

/* Filled from wb_amqp_params_table. */
struct wb_amqp_params {
	char *brokers; /* amqp[s]://user:password@host:port/vhost[,…]; url.h */
	int64_t connect_timeout_ms; /* TCP, TLS and handshake together */
	int64_t rpc_timeout_ms;     /* for the broker's answer to a method */
	int64_t heartbeat_s;
	int64_t reconnect_cap_ms;
	char *tls_ca;   /* file; "" = the system's */
	char *tls_cert; /* file; "" = none */
	char *tls_key;
};

extern const struct wb_param wb_amqp_params_table[];
extern const size_t wb_amqp_params_count;

/* BAD_CONFIG with a note if the broker list can't be understood, or amqps is
 * used and a TLS file can't be read (files are read: not in a loop). */
enum wb_err wb_amqp_params_check(const struct wb_amqp_params *params,
                                 struct wb_note *note) WB_MUST_USE;

struct wb_amqp_events {
	void (*on_ready)(void *arg); /* open your channels */
	/* After on_closed of each channel, and after each attempt to connect
	 * that failed. why: "host:port: reason", no password. */
	void (*on_lost)(void *arg, const char *why);
	void (*on_blocked)(void *arg, const char *why); /* alarm; may be NULL */
	void (*on_unblocked)(void *arg);                /* may be NULL */
};

/* Closes the socket at once, without callbacks. */
void wb_amqp_free(struct wb_amqp *amqp);

/* Starts to connect. params and events must outlive it. connection_name is what
 * people see in the management UI (copied), e.g. "outbox-relay@host:1234". */
struct wb_amqp *wb_amqp_new(struct wb_loop *loop,
                            const struct wb_amqp_params *params,
                            const char *connection_name,
                            const struct wb_amqp_events *events, void *arg)
    WB_OWNED_BY(wb_amqp_free);

/* Says connection.close and waits for the answer (at most rpc_timeout_ms), then
 * calls done. No reconnect, no other callback after. */
void wb_amqp_close(struct wb_amqp *amqp, wb_loop_fn done, void *arg);

bool wb_amqp_is_ready(const struct wb_amqp *amqp);

/* "3.10.8", of the latest broker that we logged in to; "" before. */
const char *wb_amqp_server_version(const struct wb_amqp *amqp);

bool wb_amqp_is_blocked(const struct wb_amqp *amqp);

/* Bytes handed over but not yet written to the socket: back-pressure. */
size_t wb_amqp_unsent_bytes(const struct wb_amqp *amqp);

/* Limits: a body that comes in may have 64 MiB, a larger one drops the
 * connection. Bodies that go out are split at the agreed frame size; the
 * broker's own limit (128 MiB, newer ones 16 MiB) closes the channel. */

/* ---- messages ---- */

/* A header value: text, or a number when text is NULL. */
struct wb_amqp_header {
	const char *name;
	const char *text;
	int64_t number;
};

struct wb_amqp_properties {
	const char *content_type;
	const char *message_id;
	const char *correlation_id;
	const char *type;
	const char *app_id;
	int64_t timestamp_s; /* 0 = none */
	bool is_persistent;
	const struct wb_amqp_header *headers;
	size_t n_headers;
};

/* Everything that is NULL is left out. Read during the call. */
struct wb_amqp_message {
	const char *exchange; /* "" = straight to the queue named routing_key */
	const char *routing_key;
	bool is_mandatory;
	struct wb_amqp_properties props;
	const void *body;
	size_t body_bytes;
};

/* As received; all of it is valid during the callback only. Header tables and
 * arrays (x-death) are left out; other kinds are shown as text or number. */
struct wb_amqp_delivery {
	uint64_t tag;
	bool is_redelivered;
	const char *consumer_tag;
	const char *exchange;
	const char *routing_key;
	struct wb_amqp_properties props; /* "" where absent */
	const void *body;
	size_t body_bytes;
};

struct wb_amqp_return {
	uint16_t code;
	const char *text;
	const char *exchange;
	const char *routing_key;
	const char *message_id;
};

/* ---- channels ---- */

struct wb_amqp_channel_events {
	/* Open; methods asked for earlier have been sent in order. */
	void (*on_open)(void *arg);
	/* Closed by the broker (code, text), by loss of the connection (code 0)
	 * or by an RPC deadline (code 0). The channel is gone after this. */
	void (*on_closed)(void *arg, uint16_t code, const char *text);
	/* Publisher confirm; is_multiple: all up to tag. */
	void (*on_confirm)(void *arg, uint64_t tag, bool is_multiple,
	                   bool is_ack);
	/* Unroutable mandatory message; its ack follows. Returns come in the
	 * order of publishing and before the confirm of the same message. */
	void (*on_return)(void *arg, const struct wb_amqp_return *returned);
	void (*on_delivery)(void *arg, const struct wb_amqp_delivery *delivery);
	/* The broker ended the consumer (queue deleted, leader lost). */
	void (*on_cancelled)(void *arg, const char *consumer_tag);
};

/* The connection must be ready. Members of events may be NULL except on_closed.
 * NULL when every channel id that the broker allows (at most 255) is in use. */
struct wb_amqp_channel *
wb_amqp_channel_open(struct wb_amqp *amqp,
                     const struct wb_amqp_channel_events *events, void *arg);

/* Says channel.close; no more callbacks; the channel is gone for the caller. */
void wb_amqp_channel_close(struct wb_amqp_channel *channel);

/* A synchronous method's answer. On failure (channel closed, connection lost,
 * deadline) err is BROKER_LOST or BROKER_REFUSED and the channel's on_closed
 * follows. messages, consumers: of queue.declare, else 0. */
typedef void (*wb_amqp_reply_fn)(void *arg, enum wb_err err, uint32_t messages,
                                 uint32_t consumers);

/* Methods are sent in the order of the calls, each after the answer to the one
 * before (AMQP allows one outstanding per channel). reply may be NULL. The
 * deadline stands still while the broker has blocked the connection. A name
 * over 255 bytes fails like a refused method. */
void wb_amqp_confirm_select(struct wb_amqp_channel *channel,
                            wb_amqp_reply_fn reply, void *arg);
void wb_amqp_qos(struct wb_amqp_channel *channel, uint16_t prefetch,
                 wb_amqp_reply_fn reply, void *arg);
void wb_amqp_consume(struct wb_amqp_channel *channel, const char *queue,
                     const char *consumer_tag, wb_amqp_reply_fn reply,
                     void *arg);
void wb_amqp_cancel(struct wb_amqp_channel *channel, const char *consumer_tag,
                    wb_amqp_reply_fn reply, void *arg);
void wb_amqp_declare_exchange(struct wb_amqp_channel *channel, const char *name,
                              const char *type, wb_amqp_reply_fn reply,
                              void *arg); /* durable */
void wb_amqp_declare_queue(struct wb_amqp_channel *channel, const char *name,
                           const struct wb_amqp_header *arguments,
                           size_t n_arguments, wb_amqp_reply_fn reply,
                           void *arg); /* durable */
void wb_amqp_inspect_queue(struct wb_amqp_channel *channel, const char *name,
                           wb_amqp_reply_fn reply, void *arg); /* passive */
void wb_amqp_bind_queue(struct wb_amqp_channel *channel, const char *queue,
                        const char *exchange, const char *routing_key,
                        wb_amqp_reply_fn reply, void *arg);
void wb_amqp_unbind_queue(struct wb_amqp_channel *channel, const char *queue,
                          const char *exchange, const char *routing_key,
                          wb_amqp_reply_fn reply, void *arg);
void wb_amqp_delete_queue(struct wb_amqp_channel *channel, const char *queue,
                          wb_amqp_reply_fn reply, void *arg);

/* Appends the frames to the connection's output; they are written together at
 * the end of the turn. Returns the delivery tag (1, 2, … once confirm.select
 * has been sent: wait for its reply; 0 without it). 0 on a confirming channel:
 * not sent, since it can't be encoded (a name or property over 255 bytes,
 * headers larger than a frame). The channel must be open (on_open called). */
uint64_t wb_amqp_publish(struct wb_amqp_channel *channel,
                         const struct wb_amqp_message *message);

void wb_amqp_ack(struct wb_amqp_channel *channel, uint64_t tag,
                 bool is_multiple);
/* Back to the queue, or (without requeue) dead-lettered by the broker. */
void wb_amqp_reject(struct wb_amqp_channel *channel, uint64_t tag,
                    bool is_requeued);

#endif
