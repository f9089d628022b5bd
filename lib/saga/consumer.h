/* The consumer engine: takes deliveries from one queue, handles them in natural
 * batches (whatever arrived while the last transaction ran), and acks what was
 * committed. Per batch, in one transaction: inbox, the handlers' statements,
 * outbox events, retries and dead letters. If a batch fails its members run one
 * by one, so that one bad message never takes others with it.
 *
 * A batch holds at most one event per subject; events of one subject are begun
 * in the order of their arrival. Redelivered messages run alone, after a
 * committed mark in inbox_starts, so that one that crashes the process is
 * found. A lost database or broker spends no attempt: the batch in hand is run
 * again until it has ended, and consuming resumes by itself. Only a message
 * whose own statement, run alone, times out or loses the connection three times
 * in a row has failed, if the database then takes its retry.
 *
 * A failed message becomes a row of outbox_deliveries: to the consumer's own
 * queue after a back-off, or (last attempt, poison, or a replayed message's
 * only attempt) to "<name>.dlq". Its own headers travel on, and it carries:
 *   waybill-attempt          integer; of a retry: which attempt it will be
 *   waybill-attempts         integer; of a dead letter: attempts so far. Back
 *                            in the queue it has one more, numbered from here
 *   waybill-consumer         the name
 *   waybill-error-code       "DB_ERROR", of the last attempt
 *   waybill-error            the same in words
 *   waybill-first-failed-at, waybill-last-failed-at   RFC 3339
 *   waybill-routing-key      under which it was first published
 *   waybill-replay           set by a replay job: its id */
#ifndef WB_SAGA_CONSUMER_H
#define WB_SAGA_CONSUMER_H

#include "amqp/amqp.h"
#include "saga/handler.h"

struct wb_consumer;

/* Filled from wb_consumer_params_table. */
struct wb_consumer_params {
	int64_t prefetch;       /* unacked messages the broker may send */
	int64_t batch_messages; /* most messages of one transaction */
	int64_t window_ms;      /* longest pause for more messages; 0 = none */
	int64_t batch_bytes;
	int64_t max_attempts;  /* then dead-lettered */
	int64_t retry_base_ms; /* back-off: base · factor^n, full jitter */
	int64_t retry_factor;
	int64_t retry_cap_ms;
	int64_t max_starts; /* crashes of this process before a message is
	                       dead-lettered as CRASH_LOOP */
	int64_t inbox_keep_days;
	int64_t purge_interval_ms; /* between passes over the inbox */
};

extern const struct wb_param wb_consumer_params_table[];
extern const size_t wb_consumer_params_count;

/* BAD_CONFIG when the inbox would forget what a retry may bring again. */
enum wb_err wb_consumer_params_check(const struct wb_consumer_params *params,
                                     struct wb_note *note) WB_MUST_USE;

struct wb_consumer_config {
	const char *name; /* of the consumer, its queue and its inbox key */
	/* How its connections are shown: "inventory@host:pid". NULL = name. */
	const char *instance;
	const struct wb_handler *const *handlers; /* NULL-ended */
	/* Called after each commit: a charger wakes up by it. May be NULL. */
	void (*on_committed)(void *arg);
	void *arg;
	/* Nobody waits for what it does: even a lone message waits for more,
	 * window_ms long. */
	bool is_patient;
	/* Its handlers take several events of one subject in one call, in any
	 * order; otherwise a transaction has at most one of each. */
	bool is_unordered;
};

void wb_consumer_free(struct wb_consumer *consumer);

/* Connects to both servers and starts to consume. Everything passed must
 * outlive it. Registers health entries "postgres", "rabbitmq" and "queue", and
 * the metrics wb_handler_messages_total{handler,verdict} (verdict: ack,
 * duplicate, retry, park; handler "none" for what no handler takes),
 * wb_handler_seconds{handler}, wb_batches_total, wb_batch_messages (of the last
 * batch), wb_consumer_pending (received, not begun), wb_consumer_lag_seconds
 * (age of the last event, at its commit), wb_consumer_behind_seconds (age of
 * the oldest event received and not yet committed, 0 without any: grows when it
 * can't keep up or stands still). */
struct wb_consumer *wb_consumer_new(struct wb_loop *loop,
                                    const struct wb_consumer_config *config,
                                    const struct wb_consumer_params *params,
                                    const struct wb_pg_params *pg_params,
                                    const struct wb_amqp_params *amqp_params)
    WB_OWNED_BY(wb_consumer_free);

/* Once: cancels the consumer, finishes the transaction in hand, acks, closes
 * the broker connection; then done. What was not begun returns to the queue.
 * Without a database in reach nothing is waited for. */
void wb_consumer_drain(struct wb_consumer *consumer, wb_loop_fn done,
                       void *arg);

#endif
