/* Sleeping behind the gate, and sweeping. */
#include "gate.h"

#include <stdio.h>

#include "base/clock.h"
#include "sql.h"

#define GATE_MAGIC 0x47415445u

static void step(struct gate *gate);

static void
wake(struct gate *gate)
{
	if (!gate->is_draining)
		gate->config.handlers->on_wake(gate->config.arg);
}

/* ---- polling, where it may not sleep ---- */

static int64_t
poll_wait_ms(struct gate *gate)
{
	int64_t wait_ms = gate->misses < 6 ? (int64_t)1 << gate->misses
	                                   : GATE_MAX_POLL_MS;

	if (!relay_params_is_gated(gate->config.params))
		return gate->config.params->poll_ms;
	if (gate->misses < 6)
		gate->misses++;
	return wait_ms;
}

static void
poll_later(struct gate *gate)
{
	gate->is_sleep_wanted = false;
	if (!wb_timer_is_pending(&gate->timer))
		wb_timer_start_ms(&gate->timer, poll_wait_ms(gate));
}

/* ---- statements ---- */

static void
ask(struct gate *gate, enum gate_state state, const struct wb_pg_stmt *stmt,
    wb_tx_result_fn on_result, wb_tx_done_fn on_done)
{
	gate->state = state;
	gate->answer = false;
	gate->due_ms = -1;
	wb_pg_query(gate->pg, stmt, gate->args, on_result, on_done, gate);
}

/* Whatever went wrong: it may not sleep now. If the session is gone, on_lost
 * follows. */
static bool
has_failed(struct gate *gate, const struct wb_tx_outcome *outcome)
{
	if (outcome->end == WB_TX_COMMITTED)
		return false;
	gate->state = GATE_AWAKE;
	gate->misses = 6;
	poll_later(gate);
	return true;
}

static void
on_bool(const struct wb_pg_result *result, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->answer = wb_pg_bool(result, 0, 0);
}

static void
on_unlocked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (has_failed(gate, outcome))
		return;
	gate->state = GATE_AWAKE;
	step(gate);
}

static void
unlock(struct gate *gate)
{
	wb_pg_args_clear(gate->args);
	ask(gate, GATE_UNLOCKING, &sql_gate_unlock, NULL, on_unlocked);
}

static void
fall_asleep(struct gate *gate)
{
	int64_t sleep_ms = gate->config.params->max_sleep_ms;

	gate->is_due_sleep = gate->due_ms >= 0 && gate->due_ms < sleep_ms;
	if (gate->is_due_sleep)
		sleep_ms = gate->due_ms;
	gate->state = GATE_ASLEEP;
	gate->is_sleep_wanted = false;
	gate->misses = 0;
	wb_counter_add(gate->sleeps, 1);
	wb_timer_start_ms(&gate->timer, sleep_ms);
}

static void
on_check(const struct wb_pg_result *result, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->answer = wb_pg_bool(result, 0, 0);
	if (!wb_pg_is_null(result, 0, 1))
		gate->due_ms = wb_pg_i64(result, 0, 1);
}

static void
on_checked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (has_failed(gate, outcome))
		return;
	if (!gate->answer && !gate->is_notified && !gate->is_draining) {
		fall_asleep(gate);
		return;
	}
	poll_later(gate);
	unlock(gate);
}

static void
on_locked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (has_failed(gate, outcome))
		return;
	if (!gate->answer) {
		gate->state = GATE_AWAKE;
		poll_later(gate);
		return;
	}
	wb_pg_args_clear(gate->args);
	wb_pg_arg_i64(gate->args,
	    floor_near(gate->config.events, wb_mono_us()));
	wb_pg_arg_i64(gate->args,
	    floor_near(gate->config.deliveries, wb_mono_us()));
	ask(gate, GATE_CHECKING, &sql_gate_check, on_check, on_checked);
}

static void
lock(struct gate *gate)
{
	char limit[32];

	(void)snprintf(limit, sizeof limit, "%lldms",
	    2 * (long long)gate->config.params->max_sleep_ms);
	gate->is_notified = false;
	wb_pg_args_clear(gate->args);
	wb_pg_arg_text(gate->args, limit);
	ask(gate, GATE_LOCKING, &sql_gate_lock, on_bool, on_locked);
}

/* ---- sweeping ---- */

static void
on_sweep(const struct wb_pg_result *result, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	floor_seen(gate->config.events, gate->started_us,
	    wb_pg_i64(result, 0, SWEEP_EVENTS_AT));
	floor_seen(gate->config.deliveries, gate->started_us,
	    wb_pg_i64(result, 0, SWEEP_DELIVERIES_AT));
	wb_gauge_set(gate->depth, (double)wb_pg_i64(result, 0, SWEEP_DEPTH));
	wb_gauge_set(gate->parked, (double)wb_pg_i64(result, 0, SWEEP_PARKED));
	wb_gauge_set(gate->oldest,
	    (double)wb_pg_i64(result, 0, SWEEP_OLDEST_US) / 1e6);
}

static void
on_swept(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (has_failed(gate, outcome))
		return;
	wb_counter_add(gate->sweeps, 1);
	gate->state = GATE_AWAKE;
	wake(gate); /* there may be something below the old floor */
	step(gate);
}

static void
sweep(struct gate *gate)
{
	gate->is_sweep_due = false;
	gate->started_us = wb_mono_us();
	wb_timer_start_ms(&gate->sweep_timer, gate->config.params->sweep_ms);
	wb_pg_args_clear(gate->args);
	ask(gate, GATE_SWEEPING, &sql_sweep, on_sweep, on_swept);
}

/* ---- what next ---- */

static void
step(struct gate *gate)
{
	if (gate->is_draining)
		return;
	if (gate->state == GATE_AWAKE && gate->is_sweep_due) {
		sweep(gate);
	} else if (gate->is_sleep_wanted && gate->state == GATE_AWAKE &&
	    relay_params_is_gated(gate->config.params)) {
		if (!wb_timer_is_pending(&gate->timer))
			lock(gate);
	} else if (gate->is_sleep_wanted &&
	    (gate->state == GATE_AWAKE || gate->state == GATE_OFF)) {
		poll_later(gate);
	}
}

static void
on_timer(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (gate->state == GATE_ASLEEP) {
		wb_counter_add(gate->is_due_sleep ? gate->woken_by_due
		                                  : gate->woken_by_timer,
		    1);
		unlock(gate);
	}
	wake(gate);
}

static void
on_sweep_timer(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->is_sweep_due = true;
	step(gate);
}

static void
on_notify(void *arg, const char *channel)
{
	struct gate *gate;

	(void)channel;
	WB_CAST(gate, arg, GATE_MAGIC);
	gate->is_notified = true;
	if (gate->state != GATE_ASLEEP)
		return;
	wb_counter_add(gate->woken_by_notify, 1);
	wb_timer_stop(&gate->timer);
	unlock(gate);
	wake(gate);
}

static void
on_ready(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->state = GATE_AWAKE;
	gate->is_sweep_due = true;
	gate->config.handlers->on_session(gate->config.arg, true);
	step(gate);
}

static void
on_lost(void *arg, const char *why)
{
	struct gate *gate;

	(void)why;
	WB_CAST(gate, arg, GATE_MAGIC);
	gate->state = GATE_OFF;
	wb_timer_stop(&gate->timer);
	gate->config.handlers->on_session(gate->config.arg, false);
	wake(gate);
}

static const struct wb_pg_events pg_events = {
	.on_ready = on_ready,
	.on_lost = on_lost,
	.on_notify = on_notify,
};

/* ---- life ---- */

static void
init_metrics(struct gate *gate)
{
	static const char woken[] = "wb_relay_wakeups_total";
	static const char woken_help[] = "ends of sleeps, by their cause";
	char labels[128];

#define WOKEN(by)                                                              \
	((void)snprintf(labels, sizeof labels, "source=\"%s\",by=\"%s\"",      \
	     gate->config.name, by),                                           \
	    wb_counter(woken, labels, woken_help))
	gate->woken_by_notify = WOKEN("notify");
	gate->woken_by_timer = WOKEN("timer");
	gate->woken_by_due = WOKEN("due");
#undef WOKEN
	(void)snprintf(labels, sizeof labels, "source=\"%s\"",
	    gate->config.name);
	gate->sleeps = wb_counter("wb_relay_sleeps_total", labels,
	    "sleeps behind the gate");
	gate->sweeps = wb_counter("wb_relay_sweeps_total", labels,
	    "looks at everything unpublished");
	gate->depth = wb_gauge("wb_relay_depth", labels,
	    "pending rows at the last sweep, counted to 100000 per table");
	gate->parked = wb_gauge("wb_relay_parked", labels,
	    "parked rows at the last sweep, counted to 100000 per table");
	gate->oldest = wb_gauge("wb_relay_oldest_seconds", labels,
	    "age of the oldest pending event at the last sweep");
}

void
gate_init(struct gate *gate, const struct gate_config *config)
{
	*gate = (struct gate){
		.magic = GATE_MAGIC,
		.config = *config,
		.state = GATE_OFF,
		.args = wb_pg_args_new(),
	};
	init_metrics(gate);
	wb_timer_init(&gate->timer, config->loop, on_timer, gate);
	wb_timer_init(&gate->sweep_timer, config->loop, on_sweep_timer, gate);
	gate->pg = wb_pg_new(config->loop, config->pg_params,
	    config->application_name, &pg_events, gate);
	wb_pg_on_connect_sql(gate->pg, config->connect_sql);
}

void
gate_fini(struct gate *gate)
{
	wb_pg_free(gate->pg);
	wb_timer_fini(&gate->timer);
	wb_timer_fini(&gate->sweep_timer);
	wb_pg_args_free(gate->args);
}

void
gate_sleep(struct gate *gate)
{
	gate->is_sleep_wanted = true;
	step(gate);
}

void
gate_worked(struct gate *gate)
{
	gate->misses = 0;
	gate->is_sleep_wanted = false;
}

void
gate_sweep(struct gate *gate)
{
	gate->is_sweep_due = true;
	step(gate);
}

void
gate_drain(struct gate *gate)
{
	gate->is_draining = true;
	wb_timer_stop(&gate->timer);
	wb_timer_stop(&gate->sweep_timer);
}

bool
gate_is_up(const struct gate *gate)
{
	return gate->state != GATE_OFF;
}
