/* Claiming deliveries: rows that are due, locked one by one. They have no order
 * among each other. */
#include "claim.h"

#include "base/clock.h"
#include "mark.h"
#include "message.h"
#include "sql.h"

static void
on_due(const struct wb_pg_result *result, void *arg)
{
	struct claim *claim = arg;
	size_t n = wb_pg_rows(result);
	int64_t now_us = wb_mono_us();

	if (claim->is_sweep)
		sweep_took(claim->sweep, claim->started_us, now_us);
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
	claim->tx = tx;
	claim->started_us = wb_mono_us();
	claim->is_sweep = sweep_is_due(claim->sweep, claim->started_us);
	wb_pg_args_clear(claim->args);
	wb_pg_arg_i64(
	    claim->args,
	    claim->is_sweep ? 0 : floor_get(claim->floor, claim->started_us));
	wb_pg_arg_i64(claim->args, claim->params->batch_events);
	wb_pg_arg_i64(claim->args, (int64_t)*claim->max_message_bytes);
	wb_pg_arg_i64(claim->args, claim->params->batch_bytes);
	wb_tx_query(tx, &sql_claim_deliveries, claim->args, on_due, claim);
	wb_tx_flush(tx);
}

static size_t
cap_deliveries(size_t batch_events)
{
	return batch_events;
}

const struct slot_kind kind_deliveries = {
	.name = "deliveries",
	.metric = "wb_relay_deliveries_total",
	.help = "deliveries by what became of them",
	.cap = cap_deliveries,
	.start = start_deliveries,
	.mark = mark_deliveries,
};
