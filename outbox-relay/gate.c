/* Sleeping behind the gate. */
#include "gate.h"

#include <stdio.h>

#include "base/clock.h"
#include "sql.h"

#define GATE_MAGIC 0x47415445u

enum { BEGIN_AGAIN_MS = 1000 };

static void step(struct gate *gate);

static void
wake(struct gate *gate, bool by_producer)
{
	if (!gate->is_draining)
		gate->config.handlers->on_wake(gate->config.arg, by_producer);
}

/* ---- polling, where it may not sleep ---- */

static int64_t
poll_wait_ms(struct gate *gate)
{
	int64_t wait_ms =
	    gate->misses < 6 ? (int64_t)1 << gate->misses : GATE_MAX_POLL_MS;

	if (!gate->wake.is_gated)
		return wake_poll_ms(&gate->wake, wb_mono_us());
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

/* A statement about all that may be unpublished. */
static void
ask_everywhere(struct gate *gate, enum gate_state state,
               const struct wb_pg_stmt stmts[REACHES],
               wb_tx_result_fn on_result, wb_tx_done_fn on_done)
{
	int32_t slots[2];
	enum reach reach;

	gate->started_us = wb_mono_us();
	reach = horizon_reach(gate->config.horizon, gate->started_us, slots);
	wb_pg_args_clear(gate->args);
	wb_pg_arg_i32(gate->args, slots[0]);
	wb_pg_arg_i32(gate->args, slots[1]);
	wb_pg_arg_i64(gate->args,
	              floor_get(gate->config.deliveries, gate->started_us));
	ask(gate, state, &stmts[reach], on_result, on_done);
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
	gate->state = GATE_OFF;
	wb_pg_reset(gate->pg, "a statement of the gate failed");
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
	ask_everywhere(gate, GATE_CHECKING, sql_gate_check, on_check,
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

/* ---- can it be woken? ---- */

static void
on_tested(void *arg, bool works, const char *why)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->state = GATE_AWAKE;
	wake_tested(&gate->wake, works, why);
	if (wake_is_worth_another(&gate->wake))
		wb_timer_start_ms(&gate->test_timer, GATE_TEST_AGAIN_MS);
	step(gate);
}

static void
choose_wake(struct gate *gate)
{
	gate->is_test_due = false;
	if (!wake_is_test_needed(&gate->wake, wb_pg_is_pooled(gate->pg)))
		return;
	gate->state = GATE_TESTING;
	wake_test_start(&gate->test, gate->pg);
}

static void
on_test_timer(void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	gate->is_test_due = true;
	step(gate);
}

/* ---- what next ---- */

/* Whether rows are looked for while this goes on. */
static bool
is_polling(const struct gate *gate)
{
	switch (gate->state) {
	case GATE_OFF:
	case GATE_TESTING:
		return true;
	case GATE_AWAKE:
		return !gate->wake.is_gated;
	case GATE_BEGINNING:
	case GATE_LOCKING:
	case GATE_CHECKING:
	case GATE_ASLEEP:
	case GATE_UNLOCKING:
		break;
	}
	return false;
}

static void
step(struct gate *gate)
{
	if (gate->is_draining)
		return;
	if (gate->state == GATE_AWAKE && gate->is_test_due)
		choose_wake(gate);
	if (!gate->is_sleep_wanted)
		return;
	if (is_polling(gate))
		poll_later(gate);
	else if (gate->state == GATE_AWAKE &&
	         !wb_timer_is_pending(&gate->timer))
		lock(gate);
}

static void
on_notify(void *arg, const char *channel, const char *payload)
{
	struct gate *gate;

	(void)channel;
	WB_CAST(gate, arg, GATE_MAGIC);
	if (wake_test_heard(&gate->test, payload))
		return;
	gate->is_notified = true;
	if (gate->state != GATE_ASLEEP)
		return;
	wb_counter_add(gate->woken_by_notify, 1);
	wb_timer_stop(&gate->timer);
	unlock(gate);
	wake(gate, true);
}

static void
on_begin(const struct wb_pg_result *result, void *arg)
{
	struct gate *gate;
	int64_t now_us;

	WB_CAST(gate, arg, GATE_MAGIC);
	now_us = wb_pg_i64(result, 0, BEGIN_NOW_US);
	horizon_seen(gate->config.horizon, wb_pg_i64(result, 0, BEGIN_SINCE_US),
	             now_us, wb_mono_us());
	if (!gate->has_begun)
		floor_init(gate->config.deliveries,
		           FLOOR_FAR_MS * (int64_t)1000, now_us);
	gate->answer = wb_pg_bool(result, 0, BEGIN_IS_SOUND);
}

static void
go_on(struct gate *gate)
{
	gate->state = GATE_AWAKE;
	gate->is_test_due = true;
	gate->config.handlers->on_session(gate->config.arg, true);
	wake(gate, false);
	step(gate);
}

static void
on_begun(const struct wb_tx_outcome *outcome, void *arg)
{
	struct gate *gate;

	WB_CAST(gate, arg, GATE_MAGIC);
	if (outcome->end == WB_TX_COMMITTED)
		gate->has_begun = gate->answer;
	if (outcome->end == WB_TX_COMMITTED && gate->answer) {
		go_on(gate);
		return;
	}
	if (outcome->end == WB_TX_COMMITTED)
		(void)wb_fail(&gate->why, WB_ERR_DB_ERROR,
		              "the transaction ids in outbox_batches and "
		              "outbox_events do not fit this server: was it "
		              "restored? see outbox_rebase()");
	else /* the tables may not be there yet */
		(void)wb_fail(&gate->why, WB_ERR_DB_ERROR,
		              "the outbox tables can't be read: %s",
		              outcome->message);
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
	wake(gate, false);
}

static void
on_lost(void *arg, const char *why)
{
	struct gate *gate;

	(void)why;
	WB_CAST(gate, arg, GATE_MAGIC);
	gate->state = GATE_OFF;
	wake_test_stop(&gate->test);
	wb_timer_stop(&gate->test_timer);
	wb_timer_stop(&gate->timer);
	gate->config.handlers->on_session(gate->config.arg, false);
	wake(gate, false);
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
}

static void
init_test(struct gate *gate)
{
	const struct wake_test_config config = {
		.loop = gate->config.loop,
		.pg_params = gate->config.pg_params,
		.application_name = gate->config.application_name,
		.done = on_tested,
		.arg = gate,
	};

	wake_test_init(&gate->test, &config);
	wb_timer_init(&gate->test_timer, gate->config.loop, on_test_timer,
	              gate);
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
	wake_init(&gate->wake, config->params, config->name, wb_mono_us());
	init_test(gate);
	wb_timer_init(&gate->timer, config->loop, on_timer, gate);
	gate->pg = wb_pg_new(config->loop, config->pg_params,
	                     config->application_name, &pg_events, gate);
	sql_settings(gate->pg);
}

void
gate_fini(struct gate *gate)
{
	wb_pg_free(gate->pg);
	wake_test_fini(&gate->test);
	wb_timer_fini(&gate->timer);
	wb_timer_fini(&gate->test_timer);
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
	wake_worked(&gate->wake, wb_mono_us());
}

void
gate_drain(struct gate *gate)
{
	gate->is_draining = true;
	wake_test_stop(&gate->test);
	wb_timer_stop(&gate->test_timer);
	wb_timer_stop(&gate->timer);
}

const char *
gate_trouble(const struct gate *gate)
{
	const char *why = gate->why.text;

	if (gate->state != GATE_OFF && gate->state != GATE_BEGINNING)
		return "";
	if (gate->state == GATE_OFF)
		why = wb_pg_why(gate->pg);
	return why[0] != '\0' ? why : "connecting";
}

bool
gate_has_begun(const struct gate *gate)
{
	return gate->has_begun;
}
