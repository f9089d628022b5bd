/* Chains of one aggregate's events, found by a hash table of their last rows.
 */
#include "order.h"

#include <string.h>

#include "hash.h"

static bool
same_aggregate(const struct row *a, const struct row *b)
{
	return strcmp(a->aggregate_id, b->aggregate_id) == 0 &&
	       strcmp(a->aggregate_type, b->aggregate_type) == 0;
}

/* Where the chain of the row's aggregate is kept: its last row or ROW_NONE. */
static int32_t *
find_chain(struct batch *batch, const struct row *row)
{
	size_t at =
	    (size_t)hash_aggregate(0xcbf29ce484222325u, row->aggregate_type,
	                           row->aggregate_id) &
	    (batch->n_chains - 1);

	while (batch->chains[at] != ROW_NONE &&
	       !same_aggregate(&batch->rows[batch->chains[at]], row))
		at = (at + 1) & (batch->n_chains - 1);
	return &batch->chains[at];
}

/* Rows come by seq, which is also the order of sequence as long as producers
 * lock the aggregate before they draw either: then this appends. */
static void
link_row(struct batch *batch, int32_t index)
{
	struct row *row = &batch->rows[index];
	int32_t *last = find_chain(batch, row);

	row->prev = *last;
	while (row->prev != ROW_NONE &&
	       batch->rows[row->prev].sequence > row->sequence) {
		row->next = row->prev;
		row->prev = batch->rows[row->prev].prev;
	}
	if (row->prev != ROW_NONE)
		batch->rows[row->prev].next = index;
	if (row->next != ROW_NONE)
		batch->rows[row->next].prev = index;
	else
		*last = index;
}

/* The event before it must be published or be the one before it here. */
static bool
is_in_turn(const struct batch *batch, const struct row *row)
{
	return row->after == 0 || (row->prev != ROW_NONE &&
	                           batch->rows[row->prev].id == row->after);
}

void
order_link(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_chains; i++)
		batch->chains[i] = ROW_NONE;
	for (size_t i = 0; i < batch->n_rows; i++)
		if (batch->rows[i].aggregate_type != NULL)
			link_row(batch, (int32_t)i);
}

bool
order_is_next_here(const struct batch *batch, const struct row *row)
{
	return row->sequence == 1 ||
	       (row->prev != ROW_NONE &&
	        batch->rows[row->prev].sequence == row->sequence - 1);
}

void
order_leave_early(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_rows; i++) {
		struct row *row = &batch->rows[i];

		if (row->state == ROW_WAITING && !is_in_turn(batch, row))
			batch_end(batch, row, ROW_LEFT);
		if (row->state != ROW_WAITING)
			order_leave_rest(batch, row);
	}
	for (size_t i = 0; i < batch->n_rows; i++)
		if (batch->rows[i].state == ROW_LEFT && !batch->rows[i].is_held)
			batch->has_early = true;
}

bool
order_is_head(const struct batch *batch, const struct row *row)
{
	return row->state == ROW_WAITING &&
	       (row->prev == ROW_NONE ||
	        batch->rows[row->prev].state == ROW_ACKED);
}

struct row *
order_next(struct batch *batch, const struct row *row)
{
	struct row *next;

	if (row->next == ROW_NONE)
		return NULL;
	next = &batch->rows[row->next];
	return next->state == ROW_WAITING ? next : NULL;
}

void
order_leave_rest(struct batch *batch, const struct row *row)
{
	for (int32_t i = row->next; i != ROW_NONE; i = batch->rows[i].next)
		if (batch->rows[i].state == ROW_WAITING)
			batch_end(batch, &batch->rows[i], ROW_LEFT);
}

void
order_leave_waiting(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_rows && batch->n_waiting > 0; i++)
		if (batch->rows[i].state == ROW_WAITING)
			batch_end(batch, &batch->rows[i], ROW_LEFT);
}
