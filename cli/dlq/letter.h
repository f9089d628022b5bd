/* A dead letter: a message in a dead-letter queue, and what its headers say. */
#ifndef WB_CLI_DLQ_LETTER_H
#define WB_CLI_DLQ_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"

struct json_object;

/* Headers of ours that a replayed message carries on to its next dead letter.
 */
#define WB_DLQ_H_REPLAY   "waybill-replay"       /* the job */
#define WB_DLQ_H_COUNT    "waybill-replay-count" /* how often, this one too */
#define WB_DLQ_H_WHO      "waybill-replayed-by"
#define WB_DLQ_H_ATTEMPTS "waybill-attempts"
#define WB_DLQ_H_KEY      "waybill-routing-key"

/* What error_code says of a message that no consumer of ours dead-lettered. */
#define WB_DLQ_NO_CODE "NONE"

/* All texts are borrowed: from the delivery, or within a copy. */
struct wb_letter {
	uint64_t tag; /* of its delivery */
	const char *consumer;
	struct wb_amqp_properties props;
	const char *body;
	size_t body_bytes;

	/* The message id; "sha256-…" of the body where there is none. */
	char id[WB_UUID_TEXT_BYTES + 8];
	const char *type;       /* "order.placed.v1", "" unknown */
	const char *error_code; /* "NOT_YET"; of the broker: "DELIVERY_LIMIT" */
	const char *error;
	const char *replay; /* the job that sent it last; "" = none */
	int64_t replays;    /* how often it was replayed */
	int64_t attempts;   /* 0 = unknown */
	int64_t failed_us;  /* wall clock of its last failure; 0 = unknown */
	int64_t first_failed_us;
};

/* Reads a delivery of the consumer's dead-letter queue. consumer is kept. */
void wb_letter_read(struct wb_letter *letter,
                    const struct wb_amqp_delivery *delivery,
                    const char *consumer);

/* A copy in one block of memory, of that many bytes; given back by free(). */
struct wb_letter *wb_letter_copy(const struct wb_letter *letter);
size_t wb_letter_bytes(const struct wb_letter *letter);

/* The header's text or number as text, or "". */
const char *wb_letter_header(const struct wb_letter *letter, const char *name,
                             struct wb_arena *arena);

/* The body as JSON, whatever JSON that is; NULL if it is none. To be put. */
struct json_object *wb_letter_json(const struct wb_letter *letter);

/* The id by which the consumer's inbox will know it: the event's, as far as the
 * body is an event, else its message id; false if it has none. */
bool wb_letter_event_id(const struct wb_letter *letter,
                        struct wb_uuid *ret_id) WB_MUST_USE;

/* The id of the order that it belongs to (correlation id), in the arena; "". */
const char *wb_letter_order(const struct wb_letter *letter,
                            struct wb_arena *arena);

/* The message as one JSON object in one line, without the line's end. */
void wb_letter_print(const struct wb_letter *letter, struct wb_buf *out);

/* The reverse: for `waybill dlq import`. BAD_MESSAGE with a note. All in the
 * arena; consumer is the line's. */
enum wb_err wb_letter_parse(const char *line, size_t bytes,
                            struct wb_arena *arena, struct wb_note *note,
                            struct wb_letter *ret_letter) WB_MUST_USE;

/* true for the headers by which the broker tells the fate of one delivery:
 * they do not travel with the message. */
bool wb_letter_is_brokers(const char *header);

#endif
