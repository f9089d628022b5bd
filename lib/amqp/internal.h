/* What the files of lib/amqp share; included nowhere else.
 *
 *   conn.c      states, connecting again, loss, close and free
 *   resolve.c   host name -> addresses      socket.c     the bufferevent
 *   handshake.c connection.start … open-ok  input.c      bytes, frames, tables
 *   channel.c   ids, the FIFO of methods    methods.c    the public methods
 *   content.c   deliveries and returns      publish.c    publish, ack, reject
 *   frames.c    encoders without state      output.c     frames -> bufferevent
 *   heartbeat.c                             status.c     reply codes -> wb_err
 *
 * User callbacks are made only below a trampoline (wb_amqp_enter … leave), so
 * wb_amqp_free in a callback marks the object and the trampoline frees it. */
#ifndef WB_AMQP_INTERNAL_H
#define WB_AMQP_INTERNAL_H

#include <event2/util.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "amqp/codec.h"
#include "amqp/url.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "loop/loop.h"

struct bufferevent;

#define WB_AMQP_MAGIC         0x414D5150u
#define WB_AMQP_CHANNEL_MAGIC 0x4348414Eu

#define WB_AMQP_CHANNELS_MAX   255u
#define WB_AMQP_FRAME_MAX      131072u /* offered; the broker may lower it */
#define WB_AMQP_FRAME_MIN      4096u   /* of the protocol */
#define WB_AMQP_FRAME_OVERHEAD 8u      /* type, channel, size and end mark */
#define WB_AMQP_BODY_MAX       (64u << 20) /* of a message that comes in */
#define WB_AMQP_METHOD_ROOM    8192u       /* largest method that we send */

/* ---- the connection's states ---- */

/* X(state, states that may follow, entry function or NULL) */
#define WB_AMQP_STATE_TABLE(X)                                                 \
	/* no socket; the retry timer runs */                                  \
	X(DOWN, TO(CONNECTING) | TO(ENDED), enter_down)                        \
	/* the name is looked up, then TCP and TLS; the deadline runs */       \
	X(CONNECTING, TO(START) | TO(DOWN) | TO(ENDED), enter_connecting)      \
	/* protocol header sent, connection.start awaited */                   \
	X(START, TO(TUNE) | TO(DOWN) | TO(ENDED), enter_start)                 \
	/* credentials sent, connection.tune awaited */                        \
	X(TUNE, TO(OPEN) | TO(DOWN) | TO(ENDED), NULL)                         \
	/* connection.open sent, open-ok awaited */                            \
	X(OPEN, TO(READY) | TO(DOWN) | TO(ENDED), NULL)                        \
	/* channels may be used; heartbeats run, the deadline does not */      \
	X(READY, TO(CLOSING) | TO(DOWN) | TO(ENDED), enter_ready)              \
	/* connection.close sent, close-ok awaited; no callback but done */    \
	X(CLOSING, TO(ENDED), enter_closing)                                   \
	/* no socket and never again; only free is left */                     \
	X(ENDED, 0u, enter_ended)

enum wb_amqp_state {
#define X(name, next, on_entry) WB_AMQP_##name,
	WB_AMQP_STATE_TABLE(X) WB_AMQP_STATE_COUNT
#undef X
};

/* Owned by whoever called wb_amqp_new. Socket, codec, addresses and channels
 * belong to one attempt to connect. */
struct wb_amqp {
	unsigned magic;
	enum wb_amqp_state state;
	unsigned depth;  /* trampolines on the stack */
	bool is_freed;   /* freed when depth is 0 */
	bool is_blocked; /* by an alarm of the broker */

	struct wb_loop *loop;
	const struct wb_amqp_params *params;
	const struct wb_amqp_events *events;
	void *arg;
	char *name;
	wb_loop_fn done; /* of wb_amqp_close */
	void *done_arg;

	struct wb_amqp_brokers brokers;
	size_t broker;      /* index: the one in use or to be tried next */
	unsigned failures;  /* attempts since the last lasting connection */
	int64_t ready_us;   /* when READY was reached; 0 = not yet */
	struct wb_note why; /* of the last loss */
	char server_version[32];

	struct wb_timer retry, deadline, heartbeat;

	/* of this attempt */
	struct wb_amqp_lookup *lookup; /* while a name is looked up */
	struct evutil_addrinfo *addresses, *address; /* all; the one in use */
	struct wb_note tried; /* the addresses that failed, and why */
	SSL_CTX *tls;         /* made at the first amqps broker, kept */
	struct bufferevent *bev;
	size_t chain_room; /* left in the output's last chain */
	amqp_connection_state_t codec;
	uint32_t frame_max;
	int64_t heartbeat_ms;  /* agreed interval; 0 = none */
	unsigned ticks_silent; /* half intervals without input */
	bool has_sent;         /* since the last tick */
	uint16_t channel_max;
	struct wb_amqp_channel **channels; /* [id - 1], channel_max of them */
	amqp_table_entry_t *entries;       /* scratch for header tables */
	size_t n_entries;
};

static inline const struct wb_amqp_broker *
wb_amqp_broker(const struct wb_amqp *conn)
{
	return &conn->brokers.list[conn->broker];
}

/* ---- conn.c ---- */

void wb_amqp_enter(struct wb_amqp *conn);
void wb_amqp_leave(struct wb_amqp *conn); /* conn may be gone after it */

/* Moves to `state` and on to whatever follows from it. */
void wb_amqp_go(struct wb_amqp *conn, enum wb_amqp_state state);

/* The connection can't go on: DOWN and a new attempt, or ENDED when it was
 * closing. Nothing if it is DOWN or ENDED already. Below a trampoline only. */
void wb_amqp_lost(struct wb_amqp *conn, const char *fmt, ...) WB_PRINTF(2, 3);

/* The same after telling the broker why (connection.close with an AMQP reply
 * code), as far as the socket takes it at once. */
void wb_amqp_refuse(struct wb_amqp *conn, uint16_t code, const char *fmt, ...)
    WB_PRINTF(3, 4);

/* ---- resolve.c, socket.c ---- */

/* Looks the broker's host up; wb_amqp_resolved is called from the loop, never
 * from within. Numeric addresses need no name server. */
void wb_amqp_resolve(struct wb_amqp *conn);
void wb_amqp_resolve_stop(struct wb_amqp *conn);

/* error: NULL when conn->addresses is filled. */
void wb_amqp_resolved(struct wb_amqp *conn, const char *error);

/* Starts a connection to conn->address. False with a note if that fails at
 * once. */
bool wb_amqp_socket_open(struct wb_amqp *conn, struct wb_note *note);
void wb_amqp_socket_close(struct wb_amqp *conn);

/* ---- handshake.c ---- */

void wb_amqp_send_protocol_header(struct wb_amqp *conn);
void wb_amqp_on_start(struct wb_amqp *conn, amqp_connection_start_t *start);
void wb_amqp_on_tune(struct wb_amqp *conn, amqp_connection_tune_t *tune);

/* ---- input.c ---- */

/* Handles what lies in the bufferevent's input. */
void wb_amqp_read(struct wb_amqp *conn);

/* ---- heartbeat.c ---- */

void wb_amqp_heartbeat_start(struct wb_amqp *conn);
void wb_amqp_on_heartbeat_timer(void *arg);

/* ---- output.c ---- */

/* Room for a frame at the end of the output, at least `bytes` long; what is
 * written there counts after wb_amqp_out_commit. */
uint8_t *wb_amqp_out_reserve(struct wb_amqp *conn, size_t bytes);
void wb_amqp_out_commit(struct wb_amqp *conn, uint8_t *at, size_t bytes);

/* Appends a method frame. decoded: librabbitmq's struct of the method; it must
 * fit into WB_AMQP_METHOD_ROOM. */
void wb_amqp_send_method(struct wb_amqp *conn, uint16_t channel,
                         amqp_method_number_t method, void *decoded);

/* Writes what the socket takes now: before it is closed. */
void wb_amqp_out_push(struct wb_amqp *conn);

/* ---- status.c ---- */

/* The error that a reply code of channel.close or connection.close stands for;
 * 0 (connection lost, deadline) is BROKER_LOST. */
enum wb_err wb_amqp_reply_err(uint16_t code);

#endif
