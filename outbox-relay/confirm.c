/* The broker's word per row. */
#include "confirm.h"

#include <string.h>

void
confirm_sent(struct batch *batch, uint64_t tag, struct row *row)
{
	if (batch->n_sent == 0)
		batch->first_tag = tag;
	WB_ASSERT(tag == batch->first_tag + batch->n_sent);
	batch->sent[batch->n_sent++] = (uint32_t)(row - batch->rows);
	batch_end(batch, row, ROW_SENT);
}

size_t
confirm_outstanding(const struct batch *batch)
{
	return batch->n_sent - batch->n_settled;
}

static bool
is_outstanding(const struct row *row)
{
	return row->state == ROW_SENT || row->state == ROW_RETURNED;
}

static void
settle_one(struct batch *batch, size_t at, bool is_ack, confirm_fn fn,
           void *arg)
{
	struct row *row = &batch->rows[batch->sent[at]];

	if (!is_outstanding(row))
		return;
	batch->n_settled++;
	if (!is_ack)
		batch_end(batch, row, ROW_NACKED);
	else if (row->state == ROW_RETURNED)
		batch_end(batch, row, ROW_UNROUTABLE);
	else
		batch_end(batch, row, ROW_ACKED);
	fn(arg, row);
}

void
confirm_settle(struct batch *batch, uint64_t tag, bool is_multiple, bool is_ack,
               confirm_fn fn, void *arg)
{
	size_t at;

	if (batch->n_sent == 0 || tag < batch->first_tag ||
	    tag - batch->first_tag >= batch->n_sent)
		return;
	at = (size_t)(tag - batch->first_tag);
	if (!is_multiple) {
		settle_one(batch, at, is_ack, fn, arg);
	} else {
		for (size_t i = batch->oldest; i <= at; i++)
			settle_one(batch, i, is_ack, fn, arg);
	}
	while (batch->oldest < batch->n_sent &&
	       !is_outstanding(&batch->rows[batch->sent[batch->oldest]]))
		batch->oldest++;
}

bool
confirm_returned(struct batch *batch, const struct wb_amqp_return *ret)
{
	for (size_t i = batch->return_at; i < batch->n_sent; i++) {
		struct row *row = &batch->rows[batch->sent[i]];

		if (row->state != ROW_SENT ||
		    strcmp(row->message_id, ret->message_id) != 0 ||
		    strcmp(row->message.routing_key, ret->routing_key) != 0)
			continue;
		batch_fail(batch, row, ROW_RETURNED, "UNROUTABLE: %u %.40s",
		           (unsigned)ret->code, ret->text);
		batch->return_at = i + 1;
		return true;
	}
	return false;
}

/* Whether it was refused; then it has its end. */
static bool
blame(struct batch *batch, struct row *row, const struct refusal *refusal)
{
	if (refusal == NULL)
		return false;
	if (refusal->limit_bytes > 0 && row->body_bytes > refusal->limit_bytes)
		batch_fail(batch, row, ROW_TOO_LARGE,
		           "TOO_LARGE: %zu bytes, the broker takes %zu",
		           row->body_bytes, refusal->limit_bytes);
	else if (refusal->exchange[0] != '\0' &&
	         strcmp(refusal->exchange, row->message.exchange) == 0)
		batch_fail(batch, row, ROW_UNROUTABLE,
		           "UNROUTABLE: no exchange %.80s for this relay",
		           refusal->exchange);
	else
		return false;
	return true;
}

void
confirm_give_up(struct batch *batch, const struct refusal *refusal)
{
	for (size_t i = batch->oldest; i < batch->n_sent; i++) {
		struct row *row = &batch->rows[batch->sent[i]];

		if (!is_outstanding(row))
			continue;
		batch->n_settled++;
		if (!blame(batch, row, refusal))
			batch_end(batch, row, ROW_LEFT);
	}
	batch->oldest = batch->n_sent;
}
