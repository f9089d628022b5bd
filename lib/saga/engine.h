/* The inside of the consumer engine, shared by its own files only.
 *
 *   broker.c    the subscription: channel, prefetch, consume, resume
 *   message.c   a delivery's copy and what its headers and body say
 *   batch.c     pending messages → the wave, the messages handled together
 *   run.c       the transaction of a wave (or of one of its members)
 *   mark.c      the started mark of a redelivered message
 *   verdict.c   retries, dead letters, what is counted and logged
 *   purge.c     forgetting what the inbox has kept long enough
 *   acks.c      which tags are done, and acks that reach as far as all are
 *   emit.c      the events of a message
 *   consumer.c  the state table that ties them
 * together */
#ifndef WB_SAGA_ENGINE_H
#define WB_SAGA_ENGINE_H

#include "base/backoff.h"
#include "base/buf.h"
#include "base/health.h"
#include "base/metrics.h"
#include "base/pace.h"
#include "saga/consumer.h"
#include "saga/outbox.h"

#define WB_CONSUMER_MAGIC 0x5A6AC045u

/* How a message ended: the label `verdict` of wb_handler_messages_total. */
#define WB_ENDING_TABLE(X)                                                     \
	X(HANDLED, "ack")                                                      \
	X(DUPLICATE, "duplicate")                                              \
	X(RETRIED, "retry")                                                    \
	X(PARKED, "park")

enum wb_ending {
#define X(name, label) WB_ENDING_##name,
	WB_ENDING_TABLE(X) WB_ENDING_COUNT
#undef X
};

/* A handler at work. One more route without handler counts what none takes. */
struct wb_route {
	struct wb_consumer *consumer;
	const struct wb_handler *handler;
	struct wb_counter *endings[WB_ENDING_COUNT];
	struct wb_histogram *seconds;
	int64_t sent_us; /* 0 = no result of it is awaited */

	/* Routes with the same statement send one for all: their first does. */
	struct wb_route *sender;
	struct wb_message **messages; /* of the statement in hand; ord - 1 */
	size_t n_messages;
};

/* An event to be emitted; lives in the run's arena. */
struct wb_emitted {
	struct wb_emitted *next;
	const struct wb_event_type *type;
	int64_t sequence;
	const char *data;
	size_t data_bytes;
};

struct wb_emit {
	struct wb_arena *arena;
	struct wb_message *message;
};

/* A delivery: one block of memory, owned by the pending list or the wave. */
struct wb_message {
	struct wb_message *next;
	unsigned generation; /* of the channel that its tag belongs to */
	uint64_t tag;
	bool is_redelivered;
	const char *routing_key; /* as it was first published */
	const char *content_type;
	const char *message_id;
	const char *replay; /* "" = none */
	struct wb_amqp_header *headers;
	size_t n_headers;
	const char *body;
	size_t body_bytes;
	int32_t attempt;      /* which this is, from 1 */
	bool is_last_attempt; /* replayed: no retry */
	bool is_marked;       /* its start was recorded under mark_id */
	struct wb_uuid mark_id;

	/* From wb_message_parse. */
	bool is_parsed;
	struct wb_event event; /* zeroed when the body is no event */
	struct wb_uuid id;
	struct wb_route *route;
	void *payload; /* in the wave's arena */

	/* Why it can't be handled, known before the transaction: a bad message,
	 * or its failure when it ran alone. Else WB_OK. */
	enum wb_err decided;
	struct wb_note note; /* about decided or failed */

	/* Of the run in hand; begun anew with each. */
	bool is_fresh;      /* the inbox did not know it */
	enum wb_err failed; /* what read reported */
	struct wb_emitted *emitted, **emitted_end;
};

/* The tags of one channel. */
struct wb_acks {
	uint64_t acked;     /* this tag and all below */
	uint64_t delivered; /* the last one received */
	bool *is_done;      /* ring, indexed by tag */
	size_t size;        /* power of two, more than the prefetch */
};

/* Messages in hand, sorted by subject. Handled in one transaction, or, after
 * that failed, one by one. Those before first are done and freed. */
struct wb_wave {
	struct wb_message **messages;
	size_t n_messages;
	size_t first;
	bool is_prepared;
	bool is_one_by_one;
	unsigned waits;   /* failures of the infrastructure in a row */
	unsigned strikes; /* of these, the last ones that may be its own */
	struct wb_arena *arena; /* payloads */
};

/* The transaction in hand: messages [wave.first, wave.first + n). */
struct wb_run {
	struct wb_tx *tx;
	size_t n_messages;
	struct wb_message **by_id; /* those for the inbox, sorted by id */
	size_t n_by_id;
	size_t n_awaited; /* handler statements without a result yet */
	enum wb_err err;  /* why it must be rolled back, or WB_OK */
	struct wb_note note;
	struct wb_arena *arena; /* events; what read builds */
};

/* The engine. Each state's invariant:
 * IDLE    no wave, no transaction; messages may be gathering for the next one
 * PURGING no wave; a slice of the inbox is being purged
 * MARKING the wave is one redelivered message; its mark is being committed
 * RUNNING a transaction of the wave is in flight
 * WAITING a wave, no transaction: until Postgres is back or the pause is over
 * STOPPED drained: no transaction, the broker connection is closing */
#define WB_CONSUMER_STATE_TABLE(X)                                             \
	X(IDLE, TO(PURGING) | TO(MARKING) | TO(RUNNING) | TO(STOPPED),         \
	  enter_idle)                                                          \
	X(PURGING, TO(IDLE) | TO(STOPPED), wb_purge_start)                     \
	X(MARKING, TO(RUNNING) | TO(WAITING), wb_mark_start)                   \
	X(RUNNING, TO(RUNNING) | TO(IDLE) | TO(WAITING) | TO(STOPPED),         \
	  wb_run_start)                                                        \
	X(WAITING, TO(MARKING) | TO(RUNNING) | TO(STOPPED), enter_waiting)     \
	X(STOPPED, 0u, enter_stopped)

enum wb_consumer_state {
#define X(name, to, entry) WB_CONSUMER_##name,
	/* STAY, an entry's answer: remain in this state */
	WB_CONSUMER_STATE_TABLE(X) WB_CONSUMER_STAY
#undef X
};

/* The subscription. Each state's invariant:
 * DOWN      no broker connection, no channel
 * OPENING   a channel; its prefetch and consume are on their way
 * CONSUMING a channel that delivers
 * PAUSED    no channel; a timer runs, then it is opened again
 * CANCELLED draining: the channel, if any, only takes acks; final */
#define WB_BROKER_STATE_TABLE(X)                                               \
	X(DOWN, TO(OPENING) | TO(DOWN) | TO(CANCELLED), enter_down)            \
	X(OPENING, TO(CONSUMING) | TO(PAUSED) | TO(DOWN) | TO(CANCELLED),      \
	  enter_opening)                                                       \
	X(CONSUMING, TO(PAUSED) | TO(DOWN) | TO(CANCELLED), enter_consuming)   \
	X(PAUSED, TO(OPENING) | TO(DOWN) | TO(CANCELLED), enter_paused)        \
	X(CANCELLED, 0u, enter_cancelled)

enum wb_broker_state {
#define X(name, to, entry) WB_BROKER_##name,
	WB_BROKER_STATE_TABLE(X)
#undef X
};

struct wb_consumer {
	unsigned magic;
	struct wb_loop *loop;
	const struct wb_consumer_config *config;
	const struct wb_consumer_params *params;
	char *dlq; /* "<name>.dlq" */
	enum wb_consumer_state state;
	bool is_draining;
	bool is_kick_deferred;
	wb_loop_fn on_drained;
	void *on_drained_arg;

	struct wb_route *routes; /* one per handler, then the one without */
	size_t n_routes;

	/* Postgres */
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_outbox *outbox;
	struct wb_timer wait_timer, gather_timer;
	struct wb_pace pace;
	struct wb_wave wave;
	struct wb_run run;
	int64_t starts; /* as the mark in hand says */
	struct {
		struct wb_timer timer;
		int64_t due_us;
		int64_t from_block; /* the next slice; 0 begins a pass */
	} purge;

	/* RabbitMQ */
	struct wb_amqp *amqp;
	struct wb_amqp_channel *channel;
	enum wb_broker_state broker_state;
	unsigned generation; /* of the channel */
	unsigned refusals;   /* in a row */
	struct wb_backoff resume;
	struct wb_timer resume_timer;
	struct wb_acks acks;
	struct wb_message *pending, **pending_end;
	size_t n_pending;
	uint64_t *seen; /* hashes: the subjects and ids of a wave in forming */
	size_t seen_size;

	struct wb_buf headers; /* scratch: of a delivery row */
	struct wb_health *pg_health, *amqp_health, *queue_health;
	struct wb_counter *batches;
	struct wb_gauge *batch_messages, *pending_gauge, *lag, *behind;
};

/* ---- consumer.c ---- */

void wb_consumer_enter(struct wb_consumer *c, enum wb_consumer_state to);

/* Forms a wave at the end of this turn, if there is something and none is in
 * hand: what arrives with one read of the socket goes into one wave. */
void wb_consumer_kick(struct wb_consumer *c);

/* Where the wave goes on: MARKING, RUNNING, or WAITING without a database. */
enum wb_consumer_state wb_consumer_next(const struct wb_consumer *c);

/* ---- broker.c ---- */

extern const struct wb_amqp_events wb_broker_events;
void wb_broker_init(struct wb_consumer *c, const struct wb_amqp_params *params);
void wb_broker_fini(struct wb_consumer *c);
void wb_broker_cancel(struct wb_consumer *c);

/* ---- message.c ---- */

/* A copy with attempt, replay and the first routing key read from its
 * headers. Freed by wb_message_free. */
struct wb_message *wb_message_new(const struct wb_amqp_delivery *delivery);
void wb_message_free(struct wb_message *message);

/* Body → event and route, once; what fails sets decided and note. */
void wb_message_parse(struct wb_consumer *c, struct wb_message *message);

/* The header's text or number, or NULL. */
const struct wb_amqp_header *wb_message_header(const struct wb_message *message,
                                               const char *name);

/* ---- batch.c ---- */

void wb_batch_push(struct wb_consumer *c, struct wb_message *message);

/* Forgets what is pending: its channel is gone, the broker sends it again. */
void wb_batch_forget(struct wb_consumer *c);

/* Moves messages from pending to the (empty) wave; at least one if any is
 * pending. A redelivered message comes alone and unparsed. */
void wb_batch_form(struct wb_consumer *c);

/* Parses the wave's payloads and sorts it by subject. */
void wb_batch_prepare(struct wb_consumer *c);

/* Frees what is left of the wave. */
void wb_batch_end(struct wb_consumer *c);

/* ---- run.c, mark.c: entries of RUNNING and MARKING ---- */

enum wb_consumer_state wb_run_start(struct wb_consumer *c);
enum wb_consumer_state wb_mark_start(struct wb_consumer *c);

/* Adds the mark's removal to the transaction in hand. */
void wb_mark_remove(struct wb_consumer *c, const struct wb_message *message);

/* ---- purge.c; start is the entry of PURGING ---- */

void wb_purge_init(struct wb_consumer *c);
void wb_purge_fini(struct wb_consumer *c);
bool wb_purge_is_due(const struct wb_consumer *c);
enum wb_consumer_state wb_purge_start(struct wb_consumer *c);

/* ---- verdict.c ---- */

/* The reason why this run does not handle the message, or WB_OK. */
enum wb_err wb_verdict_err(const struct wb_message *message);

/* Adds the retry or dead letter of a message that failed to the outbox. */
void wb_verdict_deliver(struct wb_consumer *c,
                        const struct wb_message *message);

/* Counts and logs a message whose transaction has committed. */
void wb_verdict_settle(struct wb_consumer *c, const struct wb_message *message);

/* ---- acks.c ---- */

void wb_acks_init(struct wb_acks *acks, int64_t prefetch);
void wb_acks_fini(struct wb_acks *acks);
void wb_acks_reset(struct wb_acks *acks); /* a new channel */

/* A delivery with this tag came; false if the broker is out of step. */
bool wb_acks_deliver(struct wb_acks *acks, uint64_t tag) WB_MUST_USE;
void wb_acks_done(struct wb_acks *acks, uint64_t tag);

/* How far acks can reach now: moves on to that tag, or 0 when not further. */
uint64_t wb_acks_advance(struct wb_acks *acks);

/* ---- emit.c ---- */

/* Hands the message's events over to the outbox. */
void wb_emit_write(struct wb_consumer *c, const struct wb_message *message);

#endif
