/* i4xx shutdown, f1xx database, f2xx broker, f3xx crash points: the consumer
 * engine when servers, connections or its own process fail. After each: nothing
 * lost, nothing twice. */
#include "support/consumer_fixture.h"
#include "shop/events.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct wb_test_saga saga;

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

/* So many events have exactly one effect each; none spent an attempt. */
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

/* The engine is in the middle of a slow message's transaction. */
static void
expect_sleeping(void)
{
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM pg_stat_activity"
	               " WHERE application_name = '" WB_TEST_QUEUE "@test'"
	               " AND state = 'active' AND wait_event = 'PgSleep'",
	               "1");
}

static void
expect_no_deliveries(void)
{
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "0");
}

static void
f101_deadlocks_spend_no_attempt(void **state)
{
	(void)state;
	place_many("order", 10, "ok");
	place("locked", "conflict", 1);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_effects(11);
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f102_a_connection_lost_in_mid_batch(void **state)
{
	(void)state;
	place_many("order", 20, "emit");
	place("victim", "terminate", 1);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_effects(21);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "20");
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f103_a_connection_lost_at_commit(void **state)
{
	(void)state;
	place_many("order", 20, "emit");
	place("victim", "late", 1);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_effects(21);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "20");
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f104_an_inbox_that_is_gone_loses_nothing(void **state)
{
	(void)state;
	wb_test_script(&saga.db, "ALTER TABLE inbox RENAME TO hidden");
	place_many("order", 10, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_run_for(saga.loop, 500);
	expect_effects(0);
	wb_test_script(&saga.db, "ALTER TABLE hidden RENAME TO inbox");
	expect_effects(10);
	expect_no_deliveries();
}

static void
f105_a_commit_whose_answer_is_lost(void **state)
{
	(void)state;
	wb_test_proxy_pg(&saga);
	place_many("order", 20, "emit");
	place("early", "wait", 1);
	wb_test_confirmed(&saga);
	wb_cut_proxy_swallow_after(saga.pg_proxy, "wb_commit");
	wb_test_consumer_start(&saga);
	expect_effects(20);
	place("last", "emit", 1);
	expect_effects(21);
	assert_int_equal(wb_cut_proxy_swallowed(saga.pg_proxy), 1);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "21");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "1");
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

/* It has failed once, as this, and nobody else has. */
static void
expect_one_retry(const char *error)
{
	wb_test_expect(&saga,
	               "SELECT string_agg(queue || ' ' || attempt || ' '"
	               " || (headers->>'waybill-error-code'), ' ')"
	               " FROM outbox_deliveries",
	               error);
}

static void
f106_a_message_that_always_times_out(void **state)
{
	(void)state;
	saga.pg_params.statement_timeout_ms = 200;
	place_many("order", 10, "emit");
	place("stuck", "stuck", 1);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_effects(10);
	expect_one_retry(WB_TEST_QUEUE " 2 DB_TIMEOUT");
	place("last", "ok", 1);
	expect_effects(11);
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f107_a_message_that_kills_its_server_process(void **state)
{
	(void)state;
	place_many("order", 10, "emit");
	place("deadly", "deadly", 1);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_effects(10);
	expect_one_retry(WB_TEST_QUEUE " 2 DB_LOST");
	place("last", "ok", 1);
	expect_effects(11);
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

/* The handlers' statements find no end, and nothing else can be written either:
 * that is the database's failure, however long it lasts. */
static void
f108_a_database_in_trouble_spends_no_attempt(void **state)
{
	(void)state;
	saga.pg_params.statement_timeout_ms = 50;
	place_many("order", 3, "ok");
	wb_test_confirmed(&saga);
	wb_test_script(&saga.db,
	               "ALTER TABLE outbox_deliveries RENAME TO hidden");
	wb_test_consumer_start(&saga);
	wb_test_script(&saga.db, "LOCK TABLE effects; SELECT pg_sleep(3)");
	expect_effects(3);
	wb_test_script(&saga.db,
	               "ALTER TABLE hidden RENAME TO outbox_deliveries");
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

/* A program that is newer than its database: nothing is dead-lettered for that,
 * and all is handled once the migration has come. */
static void
f109_a_function_that_is_not_there_yet(void **state)
{
	(void)state;
	saga.params.max_attempts = 1;
	wb_test_script(&saga.db, "ALTER FUNCTION act RENAME TO hidden");
	place_many("order", 10, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_run_for(saga.loop, 1500);
	expect_effects(0);
	expect_no_deliveries();
	wb_test_script(&saga.db, "ALTER FUNCTION hidden RENAME TO act");
	expect_effects(10);
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f201_a_queue_deleted_and_declared_again(void **state)
{
	(void)state;
	wb_test_consumer_start(&saga);
	place_many("before", 5, "ok");
	expect_effects(5);
	wb_test_queue_delete(&saga);
	wb_test_run_for(saga.loop, 300);
	wb_test_queue_declare(&saga);
	place_many("after", 5, "ok");
	expect_effects(10);
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f202_a_queue_that_comes_later(void **state)
{
	(void)state;
	wb_test_queue_delete(&saga);
	wb_test_consumer_start(&saga);
	wb_test_run_for(saga.loop, 300);
	wb_test_queue_declare(&saga);
	place_many("order", 5, "ok");
	expect_effects(5);
}

static void
f203_redelivered_messages_are_marked_while_they_run(void **state)
{
	(void)state;
	place_many("order", 10, "ok");
	place("slow", "slow", 1);
	place("bad", "fail", 1);
	wb_test_publish_body(&saga, "", "no json", 7);
	wb_test_confirmed(&saga);
	wb_test_redeliver(&saga, 13);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga,
	               "SELECT string_agg(starts::text, ' ')"
	               " FROM inbox_starts s"
	               " WHERE NOT EXISTS (SELECT FROM inbox i"
	               " WHERE i.event_id = s.event_id)",
	               "1");
	expect_effects(11);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "2");
	wb_test_expect(&saga,
	               "SELECT max(n)::text FROM (SELECT count(*) AS n"
	               " FROM effects GROUP BY xid) AS alone",
	               "1");
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox_starts", "0");
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
f204_the_broker_is_lost_with_a_batch_in_hand(void **state)
{
	(void)state;
	wb_test_proxy_amqp(&saga);
	place_many("order", 10, "emit");
	place("slow", "slow", 1);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_sleeping();
	wb_cut_proxy_cut(saga.amqp_proxy);
	expect_effects(11);
	place("last", "emit", 1);
	expect_effects(12);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "11");
	expect_no_deliveries();
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

/* ---- a process that dies ---- */

static bool
was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void
end_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGTERM), 0);
	status = wb_test_child_wait(&saga, pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
crash_at(const char *point)
{
	pid_t pid;

	place_many("order", 40, "emit");
	wb_test_confirmed(&saga);
	pid = wb_test_child_start(point);
	assert_true(was_killed(wb_test_child_wait(&saga, pid)));
	/* Nothing was acked: all of it has come back. */
	wb_test_expect_queue(&saga, 40);
	pid = wb_test_child_start(NULL);
	/* Behind all those that came back. */
	place("last", "emit", 1);
	expect_effects(41);
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "41");
	end_child(pid);
	wb_test_expect_queue(&saga, 0);
	expect_no_deliveries();
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox_starts", "0");
}

static void
f301_killed_before_the_statements(void **state)
{
	(void)state;
	crash_at("consumer.handle");
}

static void
f302_killed_before_the_commit(void **state)
{
	(void)state;
	crash_at("consumer.before_commit");
}

static void
f303_killed_between_commit_and_ack(void **state)
{
	(void)state;
	crash_at("consumer.after_commit");
}

static void
f304_a_message_that_kills_its_consumer(void **state)
{
	int n_deaths = 0;
	pid_t pid;

	(void)state;
	place_many("before", 10, "ok");
	place("killer", "crash", 1);
	place_many("between", 10, "ok");
	wb_test_confirmed(&saga);
	/* Once in a batch, then three times alone. */
	for (; n_deaths < 4; n_deaths++) {
		pid = wb_test_child_start(NULL);
		assert_true(was_killed(wb_test_child_wait(&saga, pid)));
	}
	pid = wb_test_child_start(NULL);
	wb_test_expect(&saga,
	               "SELECT string_agg(queue || ' '"
	               " || (headers->>'waybill-error-code'), ' ')"
	               " FROM outbox_deliveries",
	               WB_TEST_QUEUE ".dlq CRASH_LOOP");
	place_many("after", 10, "ok");
	expect_effects(30);
	end_child(pid);
	wb_test_expect_queue(&saga, 0);
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox_starts", "0");
}

/* ---- shutdown ---- */

static void
i401_drained_with_a_batch_in_hand(void **state)
{
	(void)state;
	/* The second one waits for the next batch, which is not begun. */
	place("one", "slow", 1);
	place("one", "slow", 2);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	expect_sleeping();
	wb_test_consumer_drain(&saga);
	expect_effects(1);
	wb_test_expect_queue(&saga, 1);
	wb_test_consumer_start(&saga);
	expect_effects(2);
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
i402_drained_without_a_database(void **state)
{
	static char nowhere[] = "host=127.0.0.1 port=1 dbname=none";

	(void)state;
	saga.pg_params.dsn = nowhere;
	place_many("order", 5, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_run_for(saga.loop, 300);
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 5);
	expect_effects(0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, reset)
		T(f101_deadlocks_spend_no_attempt),
		T(f102_a_connection_lost_in_mid_batch),
		T(f103_a_connection_lost_at_commit),
		T(f104_an_inbox_that_is_gone_loses_nothing),
		T(f105_a_commit_whose_answer_is_lost),
		T(f106_a_message_that_always_times_out),
		T(f107_a_message_that_kills_its_server_process),
		T(f108_a_database_in_trouble_spends_no_attempt),
		T(f109_a_function_that_is_not_there_yet),
		T(f201_a_queue_deleted_and_declared_again),
		T(f202_a_queue_that_comes_later),
		T(f203_redelivered_messages_are_marked_while_they_run),
		T(f204_the_broker_is_lost_with_a_batch_in_hand),
		T(f301_killed_before_the_statements),
		T(f302_killed_before_the_commit),
		T(f303_killed_between_commit_and_ack),
		T(f304_a_message_that_kills_its_consumer),
		T(i401_drained_with_a_batch_in_hand),
		T(i402_drained_without_a_database),
#undef T
	};

	if (wb_test_is_child(argc, argv))
		return wb_test_child_main();
	return cmocka_run_group_tests(tests, open_group, close_group);
}
