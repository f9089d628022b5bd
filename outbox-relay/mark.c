/* Outcomes → UPDATEs. */
#include "mark.h"

#include "base/backoff.h"
#include "base/log.h"

/* Columns of the statements that refuse rows. */
struct refused {
	struct wb_pg_args *args;
	size_t ids, reasons, waits;
	size_t n;
};

static bool
is_refused(const struct row *row)
{
	return row->state == ROW_NACKED || row->state == ROW_UNROUTABLE ||
	       row->state == ROW_TOO_LARGE || row->state == ROW_MALFORMED;
}

/* What another try can't change. */
static bool
is_hopeless(const struct claim *claim, const struct row *row)
{
	return row->state == ROW_TOO_LARGE || row->state == ROW_MALFORMED ||
	       row->attempts + 1 >= claim->params->max_attempts;
}

static const char *
reason_of(const struct row *row)
{
	return row->reason[0] != '\0'
	           ? row->reason
	           : "BROKER_REFUSED: a queue would not take it (nack)";
}

static void
log_refused(const struct slot_kind *kind, const struct claim *claim,
            const struct row *row, bool is_parked)
{
	if (is_parked)
		wb_log_error(WB_LOG_RELAY_PARKED,
		             "source=%s kind=%s id=%lld message_id=%s key=%s "
		             "attempts=%d why=\"%s\"",
		             claim->name, kind->name, (long long)row->id,
		             row->message_id, row->message.routing_key,
		             row->attempts + 1, reason_of(row));
	else
		wb_log_warn(WB_LOG_RELAY_NACK,
		            "source=%s kind=%s id=%lld message_id=%s key=%s "
		            "attempts=%d why=\"%s\"",
		            claim->name, kind->name, (long long)row->id,
		            row->message_id, row->message.routing_key,
		            row->attempts + 1, reason_of(row));
}

static void
refuse(const struct slot_kind *kind, const struct claim *claim,
       const struct row *row, struct refused *refused)
{
	const struct wb_backoff backoff = {
		.base_ms = claim->params->retry_base_ms,
		.factor = claim->params->retry_factor,
		.cap_ms = claim->params->retry_cap_ms,
	};
	bool is_parked = is_hopeless(claim, row);

	wb_pg_elem_i64(refused->args, refused->ids, row->id);
	wb_pg_elem_text(refused->args, refused->reasons, reason_of(row));
	if (is_parked)
		wb_pg_elem_null(refused->args, refused->waits);
	else
		wb_pg_elem_i64(
		    refused->args, refused->waits,
		    wb_backoff_ms(&backoff, (unsigned)row->attempts));
	refused->n++;
	log_refused(kind, claim, row, is_parked);
}

static void
mark_refused(const struct slot_kind *kind, struct claim *claim,
             struct wb_tx *tx)
{
	struct refused refused = { .args = claim->args };

	wb_pg_args_clear(claim->args);
	refused.ids = wb_pg_arg_array(claim->args, WB_PG_INT8);
	refused.reasons = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	refused.waits = wb_pg_arg_array(claim->args, WB_PG_INT8);
	for (size_t i = 0; i < claim->batch->n_rows; i++)
		if (is_refused(&claim->batch->rows[i]))
			refuse(kind, claim, &claim->batch->rows[i], &refused);
	if (refused.n > 0)
		wb_tx_query(tx, kind->refuse, claim->args, NULL, NULL);
}

static void
mark_acked(const struct slot_kind *kind, struct claim *claim, struct wb_tx *tx)
{
	size_t n = 0, array;

	wb_pg_args_clear(claim->args);
	array = wb_pg_arg_array(claim->args, WB_PG_INT8);
	for (size_t i = 0; i < claim->batch->n_rows; i++) {
		if (claim->batch->rows[i].state != ROW_ACKED)
			continue;
		wb_pg_elem_i64(claim->args, array, claim->batch->rows[i].id);
		n++;
	}
	if (n > 0)
		wb_tx_query(tx, kind->mark, claim->args, NULL, NULL);
}

void
mark_batch(const struct slot_kind *kind, struct claim *claim, struct wb_tx *tx)
{
	mark_acked(kind, claim, tx);
	mark_refused(kind, claim, tx);
}
