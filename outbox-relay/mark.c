/* Refusals, and deliveries → UPDATEs. */
#include "mark.h"

#include "base/backoff.h"
#include "base/log.h"
#include "sql.h"

/* Columns of the statement that refuses deliveries. */
struct refused {
	struct wb_pg_args *args;
	size_t ids, reasons, waits;
	size_t n;
};

bool
mark_is_refused(const struct row *row)
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

const char *
mark_reason(const struct row *row)
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
		             row->attempts + 1, mark_reason(row));
	else
		wb_log_warn(WB_LOG_RELAY_NACK,
		            "source=%s kind=%s id=%lld message_id=%s key=%s "
		            "attempts=%d why=\"%s\"",
		            claim->name, kind->name, (long long)row->id,
		            row->message_id, row->message.routing_key,
		            row->attempts + 1, mark_reason(row));
}

int64_t
mark_wait_ms(const struct slot_kind *kind, const struct claim *claim,
             const struct row *row)
{
	const struct wb_backoff backoff = {
		.base_ms = claim->params->retry_base_ms,
		.factor = claim->params->retry_factor,
		.cap_ms = claim->params->retry_cap_ms,
	};
	bool is_parked = is_hopeless(claim, row);

	log_refused(kind, claim, row, is_parked);
	return is_parked ? -1
	                 : wb_backoff_ms(&backoff, (unsigned)row->attempts);
}

static void
refuse(const struct claim *claim, const struct row *row,
       struct refused *refused)
{
	int64_t wait_ms = mark_wait_ms(&kind_deliveries, claim, row);

	wb_pg_elem_i64(refused->args, refused->ids, row->id);
	wb_pg_elem_text(refused->args, refused->reasons, mark_reason(row));
	if (wait_ms < 0)
		wb_pg_elem_null(refused->args, refused->waits);
	else
		wb_pg_elem_i64(refused->args, refused->waits, wait_ms);
	refused->n++;
}

static void
mark_refused(struct claim *claim, struct wb_tx *tx)
{
	struct refused refused = { .args = claim->args };

	wb_pg_args_clear(claim->args);
	refused.ids = wb_pg_arg_array(claim->args, WB_PG_INT8);
	refused.reasons = wb_pg_arg_array(claim->args, WB_PG_TEXT);
	refused.waits = wb_pg_arg_array(claim->args, WB_PG_INT8);
	for (size_t i = 0; i < claim->batch->n_rows; i++)
		if (mark_is_refused(&claim->batch->rows[i]))
			refuse(claim, &claim->batch->rows[i], &refused);
	if (refused.n > 0)
		wb_tx_query(tx, &sql_refuse_deliveries, claim->args, NULL,
		            NULL);
}

static void
mark_acked(struct claim *claim, struct wb_tx *tx)
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
		wb_tx_query(tx, &sql_mark_deliveries, claim->args, NULL, NULL);
}

void
mark_deliveries(struct claim *claim, struct wb_tx *tx)
{
	mark_acked(claim, tx);
	mark_refused(claim, tx);
}
