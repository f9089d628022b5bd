/* f2xx broker, f3xx crashes, i4xx shutdown: the consumer engine when the broker
 * closes its channel or has an alarm, when connections are lost again and
 * again, and when it is stopped as often. After each: nothing lost, nothing
 * twice, and no message has spent an attempt that was not its own. */
#include "support/broker_ctl.h"
#include "support/consumer_fixture.h"
#include "shop/events.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/health.h"

static struct wb_test_saga saga;
static struct wb_test_alarm alarm_in_force;

static int
open_group(void **state)
{
	(void)state;
	wb_test_saga_open(&saga);
	return 0;
}

static int
close_group(void **state)
{
	(void)state;
	wb_test_saga_close(&saga);
	return 0;
}

static int
reset(void **state)
{
	(void)state;
	wb_test_saga_reset(&saga);
	return 0;
}

static void
place(const char *subject, const char *mode, int64_t n)
{
	(void)wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
	                                    .subject = subject,
	                                    .mode = mode,
	                                    .n = n });
}

static void
place_many(const char *prefix, int n, const char *mode)
{
	char subject[64];

	for (int i = 1; i <= n; i++) {
		(void)snprintf(subject, sizeof subject, "%s-%04d", prefix, i);
		place(subject, mode, i);
	}
}

static void
expect_effects(int n)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%d %d", n, n);
	wb_test_expect(&saga,
	               "SELECT count(*)::text || ' '"
	               " || count(DISTINCT event_id) FROM effects",
	               text);
}

static void
expect_no_deliveries(void)
{
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "0");
}

/* Runs the loop until /ready would say this. */
static void
await_health(const char *text)
{
	int64_t until = wb_mono_us() + WB_TEST_WAIT_MS * 1000;
	struct wb_buf said = { 0 };

	do {
		wb_test_run_for(saga.loop, 5);
		wb_buf_clear(&said);
		wb_health_print(&said);
	} while (strstr(said.data, text) == NULL && wb_mono_us() < until);
	if (strstr(said.data, text) == NULL)
		fail_msg("/ready does not say \"%s\", but %s", text, said.data);
	wb_buf_fini(&said);
}

/* ---- the channel is closed by the broker ---- */

static void
set_ack_timeout(const char *tick_ms, const char *timeout_ms)
{
	char code[160];

	(void)snprintf(code, sizeof code,
	               "application:set_env(rabbit, channel_tick_interval, %s),"
	               " application:set_env(rabbit, consumer_timeout, %s).",
	               tick_ms, timeout_ms);
	wb_test_rabbitmqctl(saga.loop, "eval", code);
}

static int
end_ack_timeout(void **state)
{
	(void)state;
	set_ack_timeout("60000", "1800000");
	return 0;
}

/* As RabbitMQ does with a consumer that does not ack in time. */
static void
f205_a_channel_closed_by_the_broker(void **state)
{
	(void)state;
	set_ack_timeout("50", "200");
	wb_test_consumer_start(&saga);
	place("one", "slow", 1);
	place_many("order", 10, "emit");
	await_health("PRECONDITION_FAILED");
	set_ack_timeout("60000", "1800000");
	expect_effects(11);
	await_health("consuming");
	place("last", "emit", 1);
	expect_effects(12);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "11");
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

/* ---- an alarm ---- */

static int
end_alarm(void **state)
{
	(void)state;
	wb_test_alarm_end(saga.loop, &alarm_in_force);
	return 0;
}

/* Who only consumes goes on: retries and dead letters are rows for the relay.
 */
static void
f206_consuming_goes_on_during_an_alarm(void **state)
{
	(void)state;
	place_many("order", 10, "emit");
	place("early", "wait", 1);
	place("refused", "refuse", 1);
	wb_test_confirmed(&saga);
	wb_test_alarm_begin(saga.loop, &alarm_in_force);
	wb_test_consumer_start(&saga);
	expect_effects(10);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "10");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "2");
	await_health("consuming");
	place_many("after", 10, "emit");
	wb_test_alarm_end(saga.loop, &alarm_in_force);
	expect_effects(20);
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

/* ---- again and again ---- */

static bool
is_all_done(void)
{
	return strcmp(wb_test_select(&saga.db,
	                             "SELECT (SELECT count(*) FROM effects)"
	                             " || ' ' || (SELECT count(*)"
	                             " FROM outbox_deliveries)"),
	              "24 1") == 0;
}

/* A crash returns everything, a lost connection does, and with each the broker
 * counts a delivery more. Only the message that crashes is given up. */
static void
f305_a_killer_among_lost_connections(void **state)
{
	int n_deaths = 0, n_cuts = 0, status;
	const char *direct = saga.amqp_params.brokers; /* as it was read */
	pid_t pid = 0;

	(void)state;
	wb_test_proxy_amqp(&saga);
	place_many("before", 10, "ok");
	place_many("slow", 4, "slow");
	place("killer", "crash", 1);
	place_many("after", 10, "ok");
	wb_test_confirmed(&saga);
	(void)setenv("WB_TEST_AMQP_URL", saga.proxy_brokers, 1);
	while (!is_all_done() || pid == 0) {
		if (pid == 0)
			pid = wb_test_child_start(NULL);
		wb_test_run_for(saga.loop, 300);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			assert_true(WIFSIGNALED(status));
			pid = 0;
			n_deaths++;
		} else {
			wb_cut_proxy_cut(saga.amqp_proxy);
			n_cuts++;
		}
		assert_true(n_cuts < 300);
	}
	(void)setenv("WB_TEST_AMQP_URL", direct, 1);
	/* As often as it may be started, and once more if it was in a batch at
	 * first: a cut may have come before. */
	assert_in_range(n_deaths, 3, 4);
	assert_true(n_cuts > 5);
	expect_effects(24);
	wb_test_expect(&saga,
	               "SELECT string_agg(queue || ' '"
	               " || (headers->>'waybill-error-code'), ' ')"
	               " FROM outbox_deliveries",
	               WB_TEST_QUEUE ".dlq CRASH_LOOP");
	wb_test_expect_queue(&saga, 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	status = wb_test_child_wait(&saga, pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox_starts", "0");
}

/* Each stop returns what was not begun, more often than a crashing message may
 * be started. */
static void
i403_drained_many_times(void **state)
{
	enum { TIMES = 6 };
	char text[32];

	(void)state;
	saga.params.max_starts = 1;
	saga.params.batch_messages = 1;
	place_many("slow", TIMES, "slow");
	place_many("order", 20, "emit");
	wb_test_confirmed(&saga);
	for (int i = 1; i <= TIMES; i++) {
		wb_test_consumer_start(&saga);
		wb_test_expect(&saga,
		               "SELECT count(*)::text FROM pg_stat_activity"
		               " WHERE application_name = '" WB_TEST_QUEUE
		               "@test'"
		               " AND state = 'active'"
		               " AND wait_event = 'PgSleep'",
		               "1");
		wb_test_consumer_drain(&saga);
		(void)snprintf(text, sizeof text, "%d", i);
		/* The one in hand has ended, and no other has begun. */
		wb_test_expect(&saga, "SELECT count(*)::text FROM effects",
		               text);
		wb_test_expect(&saga, "SELECT count(*)::text FROM inbox_starts",
		               "0");
		wb_test_expect_queue(&saga, (uint32_t)(TIMES - i + 20));
	}
	wb_test_consumer_start(&saga);
	expect_effects(TIMES + 20);
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, reset)
		cmocka_unit_test_setup_teardown(
		    f205_a_channel_closed_by_the_broker, reset,
		    end_ack_timeout),
		cmocka_unit_test_setup_teardown(
		    f206_consuming_goes_on_during_an_alarm, reset, end_alarm),
		T(f305_a_killer_among_lost_connections),
		T(i403_drained_many_times),
#undef T
	};

	if (wb_test_is_child(argc, argv))
		return wb_test_child_main();
	return cmocka_run_group_tests(tests, open_group, close_group);
}
