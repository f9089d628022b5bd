/* Order within a batch: at most one unconfirmed event per aggregate. Events of
 * one aggregate form a chain by sequence; the next one is sent when the one
 * before it is acked, and stays as it is when that one fails. */
#ifndef RELAY_ORDER_H
#define RELAY_ORDER_H

#include "batch.h"

/* Links the chains of a batch of events that was just read. */
void order_link(struct batch *batch);

/* Whether the batch itself tells what comes before the row: nothing, or the row
 * before it in its chain. */
bool order_is_next_here(const struct batch *batch, const struct row *row);

/* A row whose predecessor (row->after) is neither published nor in the batch is
 * left, with all that follow it: to be held, or the cursor would never get past
 * it. */
void order_leave_early(struct batch *batch);

/* The rows that may be sent first: WAITING, at the head of a chain. */
bool order_is_head(const struct batch *batch, const struct row *row);

/* After an ack: the row that may be sent now, or NULL. */
struct row *order_next(struct batch *batch, const struct row *row);

/* After a failure: the rest of the chain is left. */
void order_leave_rest(struct batch *batch, const struct row *row);

/* Everything that has not been sent is left. */
void order_leave_waiting(struct batch *batch);

#endif
