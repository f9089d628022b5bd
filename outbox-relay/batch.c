/* The rows in hand and their memory. */
#include "batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
batch_init(struct batch *batch, size_t cap, size_t bodies_keep)
{
	*batch = (struct batch){
		.cap = cap,
		.bodies_keep = bodies_keep,
		.n_chains = 16,
		.arena = wb_arena_new(),
	};
	while (batch->n_chains < 2 * cap)
		batch->n_chains *= 2;
	batch->rows = wb_zalloc(cap * sizeof *batch->rows);
	batch->sent = wb_zalloc(cap * sizeof *batch->sent);
	batch->chains = wb_zalloc(batch->n_chains * sizeof *batch->chains);
}

void
batch_fini(struct batch *batch)
{
	free(batch->rows);
	free(batch->sent);
	free(batch->chains);
	wb_arena_free(batch->arena);
	wb_buf_fini(&batch->bodies);
}

void
batch_reset(struct batch *batch)
{
	batch->n_rows = 0;
	batch->n_waiting = 0;
	batch->n_sent = 0;
	batch->n_settled = 0;
	batch->oldest = 0;
	batch->return_at = 0;
	batch->has_early = false;
	wb_arena_reset(batch->arena);
	if (batch->bodies.cap > batch->bodies_keep)
		wb_buf_fini(&batch->bodies);
	wb_buf_clear(&batch->bodies);
}

struct row *
batch_add(struct batch *batch)
{
	struct row *row;

	WB_ASSERT(batch->n_rows < batch->cap);
	row = &batch->rows[batch->n_rows++];
	*row = (struct row){
		.state = ROW_WAITING,
		.prev = ROW_NONE,
		.next = ROW_NONE,
	};
	batch->n_waiting++;
	return row;
}

void
batch_end(struct batch *batch, struct row *row, enum row_state state)
{
	if (row->state == ROW_WAITING)
		batch->n_waiting--;
	row->state = state;
}

void
batch_fail(struct batch *batch, struct row *row, enum row_state state,
           const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(row->reason, sizeof row->reason, fmt, ap);
	va_end(ap);
	/* It holds the broker's words, which were cut: half a character is
	 * no text for the database. */
	for (char *c = row->reason; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	batch_end(batch, row, state);
}

size_t
batch_count(const struct batch *batch, enum row_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->n_rows; i++)
		n += batch->rows[i].state == state;
	return n;
}

bool
batch_has_marks(const struct batch *batch)
{
	if (batch->has_early)
		return true;
	for (size_t i = 0; i < batch->n_rows; i++) {
		switch (batch->rows[i].state) {
		case ROW_ACKED:
		case ROW_NACKED:
		case ROW_UNROUTABLE:
		case ROW_TOO_LARGE:
		case ROW_MALFORMED:
			return true;
		case ROW_WAITING:
		case ROW_SENT:
		case ROW_RETURNED:
		case ROW_LEFT:
			break;
		}
	}
	return false;
}
