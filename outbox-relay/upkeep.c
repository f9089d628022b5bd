/* One statement after the other: count, look for the oldest transaction,
 * forget, expire; then wait. What fails is tried again the next time. */
#include "upkeep.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sql.h"

#define UPKEEP_MAGIC 0x55504b50u

/* ---- expiring ---- */

static void
rest(struct upkeep *upkeep)
{
	if (!upkeep->is_draining)
		wb_timer_start_ms(&upkeep->timer,
		                  upkeep->config.params->count_ms);
}

static void
on_expire(const struct wb_pg_result *result, void *arg)
{
	struct upkeep *upkeep;
	int64_t n = wb_pg_i64(result, 0, 0);

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	if (n > 0)
		wb_log_info(WB_LOG_RELAY_EXPIRED, "source=%s days=%lld",
		            upkeep->config.name, (long long)n);
}

static void
on_expired(const struct wb_tx_outcome *outcome, void *arg)
{
	struct upkeep *upkeep;

	(void)outcome; /* logged */
	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	rest(upkeep);
}

/* A statement about days to keep. */
static void
ask_days(struct upkeep *upkeep, const struct wb_pg_stmt *stmt,
         wb_tx_result_fn on_result, wb_tx_done_fn on_done)
{
	wb_pg_args_clear(upkeep->args);
	wb_pg_arg_i32(upkeep->args,
	              (int32_t)upkeep->config.params->retention_days);
	wb_pg_query(upkeep->pg, stmt, upkeep->args, on_result, on_done, upkeep);
}

static void
on_forgotten(const struct wb_tx_outcome *outcome, void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	if (outcome->end != WB_TX_COMMITTED || upkeep->is_draining)
		rest(upkeep);
	else
		ask_days(upkeep, &sql_expire, on_expire, on_expired);
}

static void
forget(struct upkeep *upkeep)
{
	ask_days(upkeep, &sql_forget, NULL, on_forgotten);
}

/* ---- metrics ---- */

static void
show_open(struct upkeep *upkeep, long long pid, const char *application_name,
          int64_t age_us)
{
	wb_buf_clear(&upkeep->labels);
	wb_buf_printf(&upkeep->labels, "source=\"%s\",pid=\"%lld\",",
	              upkeep->config.name, pid);
	wb_buf_adds(&upkeep->labels, "application_name=\"");
	wb_metrics_label(&upkeep->labels, application_name);
	wb_buf_adds(&upkeep->labels, "\"");
	wb_gauge_relabel(upkeep->open, wb_buf_text(&upkeep->labels));
	wb_gauge_set(upkeep->open, (double)age_us / 1e6);
}

static void
on_open(const struct wb_pg_result *result, void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	if (wb_pg_rows(result) == 0)
		show_open(upkeep, 0, "", 0);
	else
		show_open(upkeep, wb_pg_i64(result, 0, OPEN_PID),
		          wb_pg_text(result, 0, OPEN_APPLICATION_NAME),
		          wb_pg_i64(result, 0, OPEN_AGE_US));
}

static void
on_looked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	if (outcome->end != WB_TX_COMMITTED || upkeep->is_draining)
		rest(upkeep);
	else
		forget(upkeep);
}

static void
on_count(const struct wb_pg_result *result, void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	wb_gauge_set(upkeep->depth, (double)wb_pg_i64(result, 0, COUNT_DEPTH));
	wb_gauge_set(upkeep->parked,
	             (double)wb_pg_i64(result, 0, COUNT_PARKED));
	wb_gauge_set(upkeep->oldest,
	             (double)wb_pg_i64(result, 0, COUNT_OLDEST_US) / 1e6);
}

static void
on_counted(const struct wb_tx_outcome *outcome, void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	if (outcome->end != WB_TX_COMMITTED || upkeep->is_draining) {
		rest(upkeep);
		return;
	}
	wb_pg_query(upkeep->pg, &sql_oldest_open, NULL, on_open, on_looked,
	            upkeep);
}

static void
count(struct upkeep *upkeep)
{
	int64_t now_us = wb_mono_us();
	int32_t slots[2];
	enum reach reach = horizon_reach(upkeep->config.horizon, now_us, slots);

	wb_pg_args_clear(upkeep->args);
	wb_pg_arg_i32(upkeep->args, slots[0]);
	wb_pg_arg_i32(upkeep->args, slots[1]);
	wb_pg_arg_i64(upkeep->args,
	              floor_get(upkeep->config.deliveries, now_us));
	wb_pg_query(upkeep->pg, &sql_count[reach], upkeep->args, on_count,
	            on_counted, upkeep);
}

static void
on_timer(void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	if (wb_pg_is_idle(upkeep->pg))
		count(upkeep);
}

static void
on_ready(void *arg)
{
	struct upkeep *upkeep;

	WB_CAST(upkeep, arg, UPKEEP_MAGIC);
	wb_timer_stop(&upkeep->timer);
	if (!upkeep->is_draining)
		count(upkeep);
}

static const struct wb_pg_events pg_events = {
	.on_ready = on_ready,
};

/* ---- life ---- */

static void
init_metrics(struct upkeep *upkeep)
{
	char labels[128];

	(void)snprintf(labels, sizeof labels, "source=\"%s\"",
	               upkeep->config.name);
	upkeep->depth =
	    wb_gauge("wb_relay_depth", labels,
	             "rows that are neither published nor parked when last "
	             "counted, up to 100000 per table");
	upkeep->parked =
	    wb_gauge("wb_relay_parked", labels,
	             "parked rows when last counted, up to 100000 per table");
	upkeep->oldest = wb_gauge("wb_relay_oldest_seconds", labels,
	                          "age of the oldest event that is neither "
	                          "published nor parked when last counted");
	upkeep->open = wb_gauge(
	    "wb_relay_oldest_transaction_seconds", labels,
	    "age of the oldest open transaction that is more than a second "
	    "old, with who holds it; 0: none");
	show_open(upkeep, 0, "", 0);
}

void
upkeep_init(struct upkeep *upkeep, const struct upkeep_config *config)
{
	*upkeep = (struct upkeep){
		.magic = UPKEEP_MAGIC,
		.config = *config,
		.args = wb_pg_args_new(),
	};
	init_metrics(upkeep);
	wb_timer_init(&upkeep->timer, config->loop, on_timer, upkeep);
	upkeep->pg = wb_pg_new(config->loop, config->pg_params,
	                       config->application_name, &pg_events, upkeep);
	sql_settings(upkeep->pg);
}

void
upkeep_fini(struct upkeep *upkeep)
{
	wb_pg_free(upkeep->pg);
	wb_timer_fini(&upkeep->timer);
	wb_pg_args_free(upkeep->args);
	wb_buf_fini(&upkeep->labels);
}

void
upkeep_drain(struct upkeep *upkeep)
{
	upkeep->is_draining = true;
	wb_timer_stop(&upkeep->timer);
}
