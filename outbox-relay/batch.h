/* The rows that one slot has in hand: read in one claim, published, and marked
 * in the transaction that claimed them. */
#ifndef RELAY_BATCH_H
#define RELAY_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/uuid.h"

/* What has become of a row. WAITING, SENT and RETURNED are on the way; the
 * others are ends. */
enum row_state {
	ROW_WAITING,    /* not sent: an earlier event of its aggregate is not
	                   confirmed yet */
	ROW_SENT,       /* no word from the broker yet */
	ROW_RETURNED,   /* came back as unroutable; its ack is still to come */
	ROW_ACKED,      /* a queue has it */
	ROW_NACKED,     /* the broker would not take it */
	ROW_UNROUTABLE, /* returned, then acked: no queue has it */
	ROW_TOO_LARGE,  /* larger than the relay's or the broker's limit */
	ROW_MALFORMED,  /* can't be put into an AMQP message */
	ROW_LEFT, /* stays as it was: not sent, or its outcome is unknown */
};

#define ROW_NONE (-1)

struct row {
	int64_t id; /* seq of an event, id of a delivery */
	enum row_state state;
	int32_t attempts; /* failed ones so far */
	int64_t created_us;
	char reason[128]; /* why it failed; "" for the sentence of its state */

	/* Events only: texts are the batch's. */
	const char *aggregate_type; /* NULL: unordered */
	const char *aggregate_id;
	int64_t sequence;
	int64_t after; /* seq of the event before it while that is unpublished,
	                  or 0 */
	int32_t lane, slot;
	uint64_t xid; /* of the transaction that inserted it */
	bool is_held; /* its cursor has passed it before */

	/* Chain of one aggregate within the batch, by sequence: indexes of
	 * rows, ROW_NONE at the ends. */
	int32_t prev, next;

	/* body is set when it is sent: it lies in batch->bodies. */
	struct wb_amqp_message message;
	const char *type; /* of an event */
	char message_id[WB_UUID_TEXT_BYTES];
	size_t body_at, body_bytes;
};

struct batch {
	struct row *rows;
	size_t n_rows, cap; /* cap: most rows, fixed */
	size_t n_waiting;   /* rows in ROW_WAITING */
	struct wb_arena *arena;
	struct wb_buf bodies;
	size_t bodies_keep; /* bytes of memory kept from batch to batch */

	/* order.c: index of the last row of each aggregate, by hash. */
	int32_t *chains;
	size_t n_chains; /* a power of two */
	bool has_early;  /* a row that is to be held, for it waits for one that
	                    is neither published nor here */

	/* confirm.c: which row has which delivery tag. */
	uint32_t *sent; /* by tag - first_tag */
	size_t n_sent, n_settled;
	size_t oldest;    /* all before it are settled */
	size_t return_at; /* returns come in the order of publishing */
	uint64_t first_tag;
};

void batch_init(struct batch *batch, size_t cap, size_t bodies_keep);
void batch_fini(struct batch *batch);

/* Empty again. */
void batch_reset(struct batch *batch);

/* A zeroed row in state WAITING. There must be room. */
struct row *batch_add(struct batch *batch);

/* Takes a row that is WAITING or on the way to its end. */
void batch_end(struct batch *batch, struct row *row, enum row_state state);

/* The row failed in itself, with its reason. */
void batch_fail(struct batch *batch, struct row *row, enum row_state state,
                const char *fmt, ...) WB_PRINTF(4, 5);

/* Rows that are in this state. */
size_t batch_count(const struct batch *batch, enum row_state state);

/* Whether anything of it must be marked in the database. */
bool batch_has_marks(const struct batch *batch);

#endif
