/* Claiming deliveries: rows that are due, locked one by one. They have no order
 * among each other. */
#include "claim.h"

#include "base/clock.h"
#include "message.h"
#include "sql.h"

static void
on_due(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;
	size_t n = wb_pg_rows(result);
	int64_t now_us = wb_mono_us();

	if (claim->n_swept > 0)
		sweep_took(claim->sweep, 1, now_us - claim->started_us, now_us);
	if (n > 0)
		floor_seen(claim->floor, claim->started_us,
		           wb_pg_i64(result, 0, DELIVERY_OLDEST_US));
	for (size_t i = 0; i < n; i++)
		message_of_delivery(claim, result, i);
	claim->on_read(claim->arg);
}

static void
start_deliveries(struct claim *claim, struct wb_tx *tx)
{
	int32_t all[SWEEP_AT_ONCE];

	claim->tx = tx;
	claim->started_us = wb_mono_us();
	claim->n_swept = sweep_take(claim->sweep, claim->started_us, all);
	claim->floor_at =
	    claim->n_swept > 0 ? 0 : floor_get(claim->floor, claim->started_us);
	wb_pg_args_clear(claim->args);
	wb_pg_arg_i64(claim->args, claim->floor_at);
	wb_pg_arg_i64(claim->args, claim->params->batch_events);
	wb_pg_arg_i64(claim->args, (int64_t)*claim->max_message_bytes);
	wb_pg_arg_i64(claim->args, claim->params->batch_bytes);
	wb_tx_query(tx, &sql_claim_deliveries, claim->args, on_due, claim);
	wb_tx_flush(tx);
}

const struct slot_kind kind_deliveries = {
	.name = "deliveries",
	.metric = "wb_relay_deliveries_total",
	.help = "deliveries by what became of them",
	.start = start_deliveries,
	.mark = &sql_mark_deliveries,
	.refuse = &sql_refuse_deliveries,
};
