/* A wake-up, tried on two sessions. */
#include "wake_test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/random.h"
#include "sql.h"

#define WAKE_TEST_MAGIC 0x57414b45u

static const char prefix[] = "test ";

static void
drop_notifier(struct wake_test *test)
{
	wb_timer_stop(&test->timer);
	wb_pg_free(test->notifier);
	test->notifier = NULL;
}

void
wake_test_stop(struct wake_test *test)
{
	drop_notifier(test);
	test->state = WAKE_TEST_IDLE;
}

static void
on_bool(const struct wb_pg_result *result, void *arg)
{
	struct wake_test *test;

	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	test->answer = wb_pg_bool(result, 0, 0);
}

/* ---- the end ---- */

static void
on_unlocked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wake_test *test;

	(void)outcome;
	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	if (test->state != WAKE_TEST_UNLOCKING)
		return;
	test->state = WAKE_TEST_IDLE;
	test->config.done(test->config.arg, test->works, test->why.text);
}

/* Words the verdict; then the lock is given back, if it was taken. */
static void decide(struct wake_test *test, bool works, const char *fmt, ...)
    WB_PRINTF(3, 4);

static void
decide(struct wake_test *test, bool works, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(test->why.text, sizeof test->why.text, fmt, ap);
	va_end(ap);
	drop_notifier(test);
	if (!wb_pg_is_idle(test->listener)) {
		wake_test_stop(test); /* it is being lost */
		return;
	}
	test->works = works;
	test->state = WAKE_TEST_UNLOCKING;
	wb_pg_args_clear(test->args);
	wb_pg_arg_i32(test->args, test->key);
	wb_pg_query(test->listener, &sql_test_unlock, test->args, NULL,
	            on_unlocked, test);
}

/* ---- the second session ---- */

static void
on_told(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wake_test *test;

	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	if (outcome->end != WB_TX_COMMITTED)
		decide(test, false, "a second session can't notify: %s",
		       outcome->message);
	else if (!test->answer)
		decide(test, false, "a second session does not see the lock");
}

static void
on_notifier_ready(void *arg)
{
	struct wake_test *test;

	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	test->answer = false;
	wb_pg_args_clear(test->args);
	wb_pg_arg_i32(test->args, test->key);
	wb_pg_arg_text(test->args, test->payload);
	wb_pg_query(test->notifier, &sql_test_notify, test->args, on_bool,
	            on_told, test);
}

static const struct wb_pg_events notifier_events = {
	.on_ready = on_notifier_ready,
};

static void
on_timer(void *arg)
{
	struct wake_test *test;

	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	if (wb_pg_is_ready(test->notifier))
		decide(test, false, "no notification came within %d ms",
		       WAKE_TEST_MS);
	else
		decide(test, false, "no second session within %d ms: %s",
		       WAKE_TEST_MS, wb_pg_why(test->notifier));
}

bool
wake_test_heard(struct wake_test *test, const char *payload)
{
	if (test->state == WAKE_TEST_TRYING &&
	    strcmp(payload, test->payload) == 0)
		decide(test, true,
		       "a test notification came within %" PRId64 " ms",
		       (wb_mono_us() - test->started_us) / 1000 + 1);
	return strncmp(payload, prefix, strlen(prefix)) == 0;
}

/* ---- the first session ---- */

static void
on_locked(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wake_test *test;

	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	if (test->state != WAKE_TEST_LOCKING)
		return;
	if (outcome->end != WB_TX_COMMITTED || !test->answer) {
		decide(test, false, "can't lock: %s", outcome->message);
		return;
	}
	test->state = WAKE_TEST_TRYING;
	test->notifier =
	    wb_pg_new(test->config.loop, test->config.pg_params,
	              test->config.application_name, &notifier_events, test);
	wb_timer_start_ms(&test->timer, WAKE_TEST_MS);
}

static void
on_listening(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wake_test *test;

	WB_CAST(test, arg, WAKE_TEST_MAGIC);
	if (test->state != WAKE_TEST_LISTENING)
		return;
	if (outcome->end != WB_TX_COMMITTED) {
		decide(test, false, "can't listen: %s", outcome->message);
		return;
	}
	test->state = WAKE_TEST_LOCKING;
	test->answer = false;
	wb_pg_args_clear(test->args);
	wb_pg_arg_i32(test->args, test->key);
	wb_pg_query(test->listener, &sql_test_lock, test->args, on_bool,
	            on_locked, test);
}

void
wake_test_start(struct wake_test *test, struct wb_pg *listener)
{
	WB_ASSERT(test->state == WAKE_TEST_IDLE);
	test->listener = listener;
	test->state = WAKE_TEST_LISTENING;
	test->started_us = wb_mono_us();
	test->key = (int32_t)wb_random_below(INT32_MAX);
	(void)snprintf(test->payload, sizeof test->payload, "%s%016" PRIx64,
	               prefix, wb_random_u64());
	wb_pg_query(listener, &sql_gate_listen, NULL, NULL, on_listening, test);
}

/* ---- life ---- */

void
wake_test_init(struct wake_test *test, const struct wake_test_config *config)
{
	*test = (struct wake_test){
		.magic = WAKE_TEST_MAGIC,
		.config = *config,
		.args = wb_pg_args_new(),
	};
	wb_timer_init(&test->timer, config->loop, on_timer, test);
}

void
wake_test_fini(struct wake_test *test)
{
	wake_test_stop(test);
	wb_timer_fini(&test->timer);
	wb_pg_args_free(test->args);
}
