/* Sleeping behind the gate, and counting. */
#include "gate.h"

#include <stdio.h>

#include "base/clock.h"
#include "sql.h"

#define GATE_MAGIC 0x47415445u

enum { BEGIN_AGAIN_MS = 1000 };

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
	int64_t wait_ms =
	    gate->misses < 6 ? (int64_t)1 << gate->misses : GATE_MAX_POLL_MS;

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

static void
ask_from_floors(struct gate *gate, enum gate_state state,
                const struct wb_pg_stmt *stmt, wb_tx_result_fn on_result,
                wb_tx_done_fn on_done)
{
	gate->started_us = wb_mono_us();
	wb_pg_args_clear(gate->args);
	wb_pg_arg_i64(gate->args,
	              floor_get(gate->config.events, gate->started_us));
	wb_pg_arg_i64(gate->args,
	              floor_get(gate->config.deliveries, gate->started_us));
	ask(gate, state, stmt, on_result, on_done);
}

/* Whatever went wrong: it may not sleep now. If the session is gone, on_lost
 * follows. If it is not, it may still hold the lock, which no failure of a
 * statement undoes, and which counts how often it was taken: only the end of
 * the session surely frees it. */
static bool
has_failed(struct gate *gate, const struct wb_tx_outcome *outcome)
{
	if (outcome->end == WB_TX_COMMITTED)
		return false;
	if (gate->state == GATE_COUNTING) {
		gate->state = GATE_AWAKE;
	} else {
		gate->state = GATE_OFF;
		wb_pg_reset(gate->pg, "a statement of the gate failed");
	}
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
	gate->answer = wb_pg_bool(result, 0, CHECK_IS_LEFT);
	gate->last_seq = wb_pg_i64(result, 0, CHECK_LAST_SEQ);
	gate->now_us = wb_pg_i64(result, 0, CHECK_NOW_US);
	if (!wb_pg_is_null(result, 0, CHECK_DUE_MS))
		gate->due_ms = wb_pg_i64(result, 0, CHECK_DUE_MS);
}

static void
on_checked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (has_failed(gate, outcome))
		return;
	if (!gate->answer) {
		floor_seen(gate->config.events, gate->started_us,
		           gate->last_seq);
		floor_seen(gate->config.deliveries, gate->started_us,
		           gate->now_us);
	}
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
	ask_from_floors(gate, GATE_CHECKING, &sql_gate_check, on_check,
	                on_checked);
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

/* ---- counting ---- */

static void
on_count(const struct wb_pg_result *result, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	wb_gauge_set(gate->depth, (double)wb_pg_i64(result, 0, COUNT_DEPTH));
	wb_gauge_set(gate->parked, (double)wb_pg_i64(result, 0, COUNT_PARKED));
	wb_gauge_set(gate->oldest,
	             (double)wb_pg_i64(result, 0, COUNT_OLDEST_US) / 1e6);
}

static void
on_counted(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (has_failed(gate, outcome))
		return;
	gate->state = GATE_AWAKE;
	step(gate);
}

static void
count(struct gate *gate)
{
	gate->is_count_due = false;
	wb_timer_start_ms(&gate->count_timer, gate->config.params->count_ms);
	ask_from_floors(gate, GATE_COUNTING, &sql_count, on_count, on_counted);
}

/* ---- what next ---- */

static void
step(struct gate *gate)
{
	if (gate->is_draining)
		return;
	if (gate->state == GATE_AWAKE && gate->is_count_due) {
		count(gate);
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
on_count_timer(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->is_count_due = true;
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
on_begin(const struct wb_pg_result *result, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	floor_init(gate->config.events, FLOOR_ROWS, wb_pg_i64(result, 0, 0));
	floor_init(gate->config.deliveries, FLOOR_FAR_MS * (int64_t)1000,
	           wb_pg_i64(result, 0, 1));
	gate->has_begun = true;
}

static void
go_on(struct gate *gate)
{
	gate->state = GATE_AWAKE;
	gate->is_count_due = true;
	gate->config.handlers->on_session(gate->config.arg, true);
	wake(gate);
	step(gate);
}

static void
on_begun(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (outcome->end == WB_TX_COMMITTED) {
		go_on(gate);
		return;
	}
	/* The tables may not be there yet. */
	wb_timer_start_ms(&gate->timer, BEGIN_AGAIN_MS);
	gate->config.handlers->on_session(gate->config.arg, false);
}

static void
begin(struct gate *gate)
{
	wb_timer_stop(&gate->timer); /* of a poll while there was no session */
	wb_pg_args_clear(gate->args);
	ask(gate, GATE_BEGINNING, &sql_begin, on_begin, on_begun);
}

static void
on_ready(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (gate->has_begun)
		go_on(gate);
	else
		begin(gate);
}

static void
on_timer(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (gate->state == GATE_BEGINNING) {
		begin(gate);
		return;
	}
	if (gate->state == GATE_ASLEEP) {
		wb_counter_add(gate->is_due_sleep ? gate->woken_by_due
		                                  : gate->woken_by_timer,
		               1);
		unlock(gate);
	}
	wake(gate);
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
	                gate->config.name, by),                                \
	 wb_counter(woken, labels, woken_help))
	gate->woken_by_notify = WOKEN("notify");
	gate->woken_by_timer = WOKEN("timer");
	gate->woken_by_due = WOKEN("due");
#undef WOKEN
	(void)snprintf(labels, sizeof labels, "source=\"%s\"",
	               gate->config.name);
	gate->sleeps = wb_counter("wb_relay_sleeps_total", labels,
	                          "sleeps behind the gate");
	gate->depth =
	    wb_gauge("wb_relay_depth", labels,
	             "pending rows when last counted, up to 100000 per table");
	gate->parked =
	    wb_gauge("wb_relay_parked", labels,
	             "parked rows when last counted, up to 100000 per table");
	gate->oldest =
	    wb_gauge("wb_relay_oldest_seconds", labels,
	             "age of the oldest pending event when last counted");
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
	wb_timer_init(&gate->count_timer, config->loop, on_count_timer, gate);
	gate->pg = wb_pg_new(config->loop, config->pg_params,
	                     config->application_name, &pg_events, gate);
	wb_pg_on_connect_sql(gate->pg, config->connect_sql);
}

void
gate_fini(struct gate *gate)
{
	wb_pg_free(gate->pg);
	wb_timer_fini(&gate->timer);
	wb_timer_fini(&gate->count_timer);
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
gate_drain(struct gate *gate)
{
	gate->is_draining = true;
	wb_timer_stop(&gate->timer);
	wb_timer_stop(&gate->count_timer);
}

bool
gate_is_up(const struct gate *gate)
{
	return gate->state != GATE_OFF && gate->state != GATE_BEGINNING;
}

bool
gate_has_begun(const struct gate *gate)
{
	return gate->has_begun;
}
