/* The saga's clock: every few seconds, on a connection of its own, the orders
 * past their deadline get an order.cancel_requested. */
#include "sweeper.h"

#include "base/log.h"
#include "base/metrics.h"
#include "saga/outbox.h"
#include "service/service.h"
#include "shop/events.h"

enum { MAX_ORDERS = 200 };

static struct sweeper_params {
	int64_t interval_ms;
	int64_t repeat_ms;
} params;

static const struct wb_param param_table[] = {
	{ "sweep-interval-ms", WB_PARAM_INT,
	  offsetof(struct sweeper_params, interval_ms), "5000", 10, 3600000,
	  "ms", "how often to look for orders past their deadline" },
	{ "sweep-repeat-ms", WB_PARAM_INT,
	  offsetof(struct sweeper_params, repeat_ms), "60000", 10, 86400000,
	  "ms",
	  "how long until the cancellation of an order that is still pending "
	  "is requested again" },
};

static const struct wb_param_set param_set = {
	.params = param_table,
	.n_params = WB_ARRAY_LEN(param_table),
	.target = &params,
};

static struct {
	struct wb_pg *pg;
	struct wb_outbox *outbox;
	struct wb_pg_args *args;
	struct wb_timer timer;
	struct wb_counter *swept;
	struct wb_tx *tx; /* in flight, or NULL */
	size_t n_found;
	wb_loop_fn drained;
	void *drained_arg;
} sweeper;

static const struct wb_pg_stmt stmt = {
	.name = "sweep_orders",
	.sql = "SELECT * FROM sweep_orders($1::int, $2::bigint)",
};

static const char cause[] =
    "\"cause\":{\"code\":\"TIMEOUT\",\"step\":\"orders\","
    "\"detail\":\"not ended by its deadline\"}";

static void
add_event(const struct wb_pg_result *result, size_t row)
{
	struct wb_buf data = { 0 };

	wb_buf_printf(&data, "{\"order\":%s,%s}", wb_pg_text(result, row, 2),
	              cause);
	wb_outbox_add(sweeper.outbox,
	              &(struct wb_outbox_event){
	                  .id = wb_uuid_v7(),
	                  .type = &shop_order_cancel_requested,
	                  .aggregate_id = wb_pg_text(result, row, 0),
	                  .sequence = wb_pg_i64(result, row, 1),
	                  .correlation_id = wb_pg_text(result, row, 0),
	                  .causation_id = "",
	                  .traceparent = "",
	                  .data = data.data,
	                  .data_bytes = data.len,
	              });
	wb_buf_fini(&data);
}

static void
on_swept(const struct wb_pg_result *result, void *arg)
{
	(void)arg;
	sweeper.n_found = wb_pg_rows(result);
	for (size_t row = 0; row < sweeper.n_found; row++)
		add_event(result, row);
	wb_outbox_write(sweeper.outbox, sweeper.tx);
	wb_tx_commit(sweeper.tx);
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	bool is_more =
	    outcome->end == WB_TX_COMMITTED && sweeper.n_found == MAX_ORDERS;

	(void)arg;
	sweeper.tx = NULL;
	if (outcome->end == WB_TX_COMMITTED && sweeper.n_found > 0) {
		wb_log_warn(WB_LOG_SWEEP, "orders=%zu", sweeper.n_found);
		wb_counter_add(sweeper.swept, sweeper.n_found);
	} else if (outcome->end != WB_TX_COMMITTED) {
		wb_log_warn(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		            outcome->stmt, outcome->sqlstate, outcome->message);
	}
	if (sweeper.drained != NULL)
		sweeper.drained(sweeper.drained_arg);
	else
		wb_timer_start_ms(&sweeper.timer,
		                  is_more ? 0 : params.interval_ms);
}

static void
on_timer(void *arg)
{
	(void)arg;
	if (!wb_pg_is_idle(sweeper.pg)) {
		wb_timer_start_ms(&sweeper.timer, params.interval_ms);
		return;
	}
	sweeper.n_found = 0;
	wb_outbox_clear(sweeper.outbox);
	wb_pg_args_clear(sweeper.args);
	wb_pg_arg_i32(sweeper.args, MAX_ORDERS);
	wb_pg_arg_i64(sweeper.args, params.repeat_ms);
	sweeper.tx = wb_tx_begin(sweeper.pg, on_done, NULL);
	wb_tx_query(sweeper.tx, &stmt, sweeper.args, on_swept, NULL);
	wb_tx_flush(sweeper.tx);
}

static void
on_ready(void *arg)
{
	(void)arg;
	if (sweeper.drained == NULL)
		wb_timer_start_ms(&sweeper.timer, 0);
}

static void
on_lost(void *arg, const char *why)
{
	(void)arg;
	(void)why; /* lib/pg logs it; on_ready starts again */
}

static enum wb_err
start(struct wb_loop *loop, const struct wb_pg_params *pg, struct wb_note *note)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};

	(void)note;
	sweeper.outbox = wb_outbox_new();
	sweeper.args = wb_pg_args_new();
	sweeper.swept = wb_counter("wb_orders_swept_total", "",
	                           "Orders past their deadline that were asked "
	                           "to cancel.");
	wb_timer_init(&sweeper.timer, loop, on_timer, NULL);
	sweeper.pg = wb_pg_new(loop, pg, wb_service_instance(), &events, NULL);
	wb_pg_pin_plans(sweeper.pg);
	return WB_OK;
}

static void
drain(wb_loop_fn done, void *arg)
{
	wb_timer_stop(&sweeper.timer);
	sweeper.drained = done;
	sweeper.drained_arg = arg;
	if (sweeper.tx == NULL)
		done(arg);
}

static void
stop(void)
{
	wb_pg_free(sweeper.pg);
	wb_timer_fini(&sweeper.timer);
	wb_pg_args_free(sweeper.args);
	wb_outbox_free(sweeper.outbox);
}

const struct wb_side_job orders_sweeper = {
	.params = &param_set,
	.n_params = 1,
	.start = start,
	.drain = drain,
	.stop = stop,
};
