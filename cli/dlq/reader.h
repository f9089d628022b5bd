/* Reads a dead-letter queue without changing what becomes of its messages. All
 * that lies there is delivered and nothing is acknowledged; when the reader
 * goes, its channel is closed, and the broker puts everything back where it
 * was: to the front, in order. (A reject or nack with requeue would put it to
 * the back on RabbitMQ 3.10. The count of deliveries rises, but a dead-letter
 * queue has no delivery limit.)
 *
 * What lay there when it began is told, and what comes later is not: the count
 * comes from the queue before the first delivery, and a quorum queue delivers
 * in order. */
#ifndef WB_CLI_DLQ_READER_H
#define WB_CLI_DLQ_READER_H

#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "base/attr.h"
#include "base/err.h"
#include "letter.h"
#include "loop/loop.h"

struct wb_reader;

struct wb_reader_events {
	/* letter and its texts are valid during the call. */
	void (*on_letter)(void *arg, const struct wb_letter *letter);
	/* Everything has been told. The reader holds it until it is freed. */
	void (*on_end)(void *arg);
	/* The channel is gone and with it what the reader held, or could not be
	 * opened; free it. BROKER_REFUSED: there is no such queue or no right
	 * to read it. */
	void (*on_failed)(void *arg, enum wb_err err, const char *why);
};

/* No callback after it. May be called from one. */
void wb_reader_free(struct wb_reader *reader);

/* amqp must be ready. consumer: whose dead letters. Everything must outlive
 * it. */
struct wb_reader *wb_reader_new(struct wb_loop *loop, struct wb_amqp *amqp,
                                const char *consumer,
                                const struct wb_reader_events *events,
                                void *arg) WB_OWNED_BY(wb_reader_free);

/* Messages that were ready when it began, and how many others read the queue
 * then (what they hold can't be seen from here). */
size_t wb_reader_found(const struct wb_reader *reader);
size_t wb_reader_others(const struct wb_reader *reader);
size_t wb_reader_read(const struct wb_reader *reader); /* told so far */

/* Takes the letter out of the queue for good. */
void wb_reader_ack(struct wb_reader *reader, uint64_t tag);

#endif
