/* Which row has which delivery tag, and what the broker said of it. Rows are
 * told apart by tag; a return carries no tag, so it is matched by message id,
 * routing key and position: returns come in the order of publishing and before
 * the ack. */
#ifndef RELAY_CONFIRM_H
#define RELAY_CONFIRM_H

#include "batch.h"
#include "refusal.h"

/* Tags of one batch are contiguous: nothing else is published meanwhile on the
 * slot's channel. */
void confirm_sent(struct batch *batch, uint64_t tag, struct row *row);

/* Sent, and no ack or nack yet. */
size_t confirm_outstanding(const struct batch *batch);

/* Called for each row that has come to its end: ACKED, NACKED or UNROUTABLE.
 * It may send further rows of the batch. */
typedef void (*confirm_fn)(void *arg, struct row *row);

/* A confirm of the broker. Tags of earlier batches and repeated ones are
 * ignored. */
void confirm_settle(struct batch *batch, uint64_t tag, bool is_multiple,
                    bool is_ack, confirm_fn fn, void *arg);

/* A return. False when no row matches. */
bool confirm_returned(struct batch *batch, const struct wb_amqp_return *ret);

/* The channel is gone or took too long: what is outstanding is left, except
 * messages for which it was closed (NULL: none). */
void confirm_give_up(struct batch *batch, const struct refusal *refusal);

#endif
