/* The outbox relay against real servers: what it publishes, in which order, and
 * what becomes of rows that the broker will not take. */
#include "support/relay_fixture.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/mgmt.h"

#define PUBLISHED_SQL                                                          \
	"SELECT (SELECT count(*) FROM outbox_events) - "                       \
	"(SELECT count(*) FROM outbox_unpublished)"

static struct wb_test_bus bus;

static int
set_up_all(void **state)
{
	(void)state;
	wb_test_bus_open(&bus, "relay");
	return 0;
}

static int
tear_down_all(void **state)
{
	(void)state;
	wb_test_bus_close(&bus);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	wb_test_bus_reset(&bus);
	return 0;
}

/* ---- order ---- */

static void
test_two_relays_keep_order(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, NULL, NULL);
	wb_test_relay_start(&bus, 1, NULL, NULL);
	wb_test_write(&bus, 1000, 20);
	wb_test_bus_check(&bus, 20000);
	/* Nobody died: nothing was published twice. */
	assert_int_equal(bus.n_duplicate, 0);
	assert_true(
	    wb_test_relay_metric(&bus, 0,
	                         "wb_relay_events_total{source=\"test\","
	                         "outcome=\"published\"}") > 0);
	assert_true(
	    wb_test_relay_metric(&bus, 1,
	                         "wb_relay_events_total{source=\"test\","
	                         "outcome=\"published\"}") > 0);
	wb_test_relay_stop(&bus, 0);
	wb_test_relay_stop(&bus, 1);
}

/* A backlog of one aggregate is a chain of confirms; it must not hold others.
 */
static void
test_long_chain(void **state)
{
	(void)state;
	wb_test_script(
	    &bus.db, "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	             "event_type, payload) SELECT 'thing', 'a0', '" WB_TEST_TYPE
	             "', '{}' FROM generate_series(1, 3000)");
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_relay_start(&bus, 0, "--batch-window-ms=20", NULL);
	wb_test_bus_until_new(&bus, 1000);
	assert_int_equal(bus.next[1], 2);
	wb_test_bus_check(&bus, 3001);
}

static const struct wb_pg_stmt insert_stmt = {
	"late_insert",
	"INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, "
	"payload) VALUES ('thing', 'a7', '" WB_TEST_TYPE "', '{}')",
};

/* Its seq and its transaction lie below what was published long since: the next
 * look must find it all the same, and nothing may overtake it. */
static void
test_late_commit(void **state)
{
	struct wb_test_conn *writer = &bus.writers[0].conn;
	struct wb_tx *tx;
	size_t n_done = writer->n_done;

	(void)state;
	wb_test_relay_start(&bus, 0, "--sweep-ms=600000", NULL);
	tx = wb_tx_begin(writer->pg, wb_test_on_done, writer);
	wb_tx_query(tx, &insert_stmt, NULL, NULL, NULL);
	wb_tx_flush(tx);
	/* Aggregate 2 is of the same lane as 7. */
	for (int i = 0; i < 20; i++) {
		wb_test_emit(&bus, 1 + i % 2, WB_TEST_TYPE);
		wb_test_bus_run_ms(&bus, 50);
	}
	wb_test_bus_until_new(&bus, 20);
	wb_tx_commit(tx);
	assert_true(wb_test_run_until(bus.loop, &writer->n_done, n_done + 1));
	wb_test_emit(&bus, 7, WB_TEST_TYPE);
	wb_test_emit(&bus, 7, WB_TEST_TYPE);
	wb_test_bus_check(&bus, 23);
	assert_int_equal(bus.next[7], 4);
}

static const struct wb_pg_stmt xid_stmt = {
	"late_xid",
	"SELECT pg_current_xact_id()",
};

/* Events are read by transaction, in the order in which those began: here the
 * second event of the aggregate comes first, and fills the batch. */
static void
test_transactions_in_the_other_order(void **state)
{
	struct wb_test_conn *writer = &bus.writers[0].conn;
	struct wb_tx *tx;
	size_t n_done = writer->n_done;

	(void)state;
	tx = wb_tx_begin(writer->pg, wb_test_on_done, writer);
	wb_tx_query(tx, &xid_stmt, NULL, NULL, NULL);
	wb_tx_flush(tx);
	wb_test_bus_run_ms(&bus, 100);
	wb_test_emit(&bus, 7, WB_TEST_TYPE);
	wb_tx_query(tx, &insert_stmt, NULL, NULL, NULL);
	wb_tx_commit(tx);
	assert_true(wb_test_run_until(bus.loop, &writer->n_done, n_done + 1));
	wb_test_relay_start(&bus, 0, "--batch-events=1", NULL);
	wb_test_bus_check(&bus, 2);
}

/* ---- what the broker will not take ---- */

static void
test_unroutable_is_parked(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, "--max-attempts=3 --retry-base-ms=50",
	                    NULL);
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_emit(&bus, 1, "nobody.listens.v1");
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_emit(&bus, 2, WB_TEST_TYPE);
	wb_test_bus_expect(
	    &bus,
	    "SELECT string_agg(aggregate_id || '/' || sequence || ' ' || "
	    "attempts || ' ' || reason, ',') FROM outbox_unpublished "
	    "WHERE parked_at IS NOT NULL",
	    "a1/2 3 UNROUTABLE: 312 NO_ROUTE");
	/* Only its own aggregate is held back. */
	wb_test_emit(&bus, 2, WB_TEST_TYPE);
	wb_test_bus_until_new(&bus, 3);
	wb_test_bus_expect(
	    &bus,
	    "SELECT string_agg(aggregate_id || '/' || sequence, ',') "
	    "FROM outbox_unpublished WHERE parked_at IS NULL",
	    "a1/3");
	/* Unparked by the operator, once there is a queue for it. */
	wb_test_bus_bind(&bus, "events", "nobody.listens.v1");
	wb_test_script(&bus.db,
	               "SELECT outbox_retry(kind, id) FROM outbox_parked");
	wb_test_bus_check(&bus, 5);
}

/* However many events wait for a parked one, others of their lane go on. */
static void
test_lane_passes_a_parked_aggregate(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, "--max-attempts=1 --batch-events=8", NULL);
	wb_test_emit(&bus, 0, "nobody.cares.v1");
	wb_test_bus_expect(&bus, WB_TEST_PARKED_SQL("count(*)"), "1");
	wb_test_script(
	    &bus.db, "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	             "event_type, payload) SELECT 'thing', 'a' || greatest(0, "
	             "n - 100), '" WB_TEST_TYPE "', '{}' "
	             "FROM generate_series(1, 120) AS n");
	wb_test_bus_until_new(&bus, 20);
	wb_test_bus_expect(&bus, WB_TEST_PENDING_SQL, "101");
	/* The relay has nothing to do, and sleeps. */
	wb_test_bus_expect(&bus,
	                   "SELECT count(*) FROM pg_locks "
	                   "WHERE locktype = 'advisory' AND granted "
	                   "AND database = (SELECT oid FROM pg_database "
	                   "WHERE datname = current_database())",
	                   "1");
	wb_test_script(&bus.db, "SELECT outbox_discard(kind, id, 'a test') "
	                        "FROM outbox_parked");
	wb_test_bus_expect(&bus, WB_TEST_PENDING_SQL, "0");
}

static void
test_nack_is_retried(void **state)
{
	(void)state;
	wb_test_bus_queue(&bus, "full", "test.full.v1", 1);
	wb_test_relay_start(
	    &bus, 0,
	    "--retry-base-ms=100 --retry-cap-ms=200 --max-attempts=1000", NULL);
	wb_test_emit(&bus, 1, "test.full.v1");
	wb_test_bus_expect(&bus, PUBLISHED_SQL, "1");
	wb_test_emit(&bus, 2, "test.full.v1");
	wb_test_emit(&bus, 2, "test.full.v1");
	wb_test_bus_expect(
	    &bus,
	    "SELECT count(*) FROM outbox_unpublished WHERE attempts > 1 "
	    "AND reason LIKE 'BROKER_REFUSED%'",
	    "1");
	/* The second of the aggregate waits for the first. */
	assert_string_equal(
	    wb_test_select(&bus.db,
	                   "SELECT max(attempts) FROM outbox_unpublished "
	                   "WHERE sequence = 2"),
	    "0");
	wb_test_bus_purge(&bus, "full");
	wb_test_bus_expect(&bus, PUBLISHED_SQL, "2");
	wb_test_bus_purge(&bus, "full");
	wb_test_bus_expect(&bus, PUBLISHED_SQL, "3");
}

static void
test_too_large_is_parked(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, "--max-message-bytes=2000", NULL);
	wb_test_script(
	    &bus.db,
	    "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	    "event_type, payload) SELECT 'thing', 'a' || i, '" WB_TEST_TYPE
	    "', json_build_object('x', repeat('x', i * 1000)) "
	    "FROM generate_series(1, 3) i");
	wb_test_bus_expect(
	    &bus,
	    "SELECT string_agg(aggregate_id || ' ' || attempts || ' ' || "
	    "substr(reason, 1, 10), ',' ORDER BY aggregate_id) "
	    "FROM outbox_unpublished WHERE parked_at IS NOT NULL",
	    "a2 1 TOO_LARGE:,a3 1 TOO_LARGE:");
	wb_test_bus_until_new(&bus, 1);
	assert_int_equal(bus.next[1], 2);
}

/* A missing exchange is not the event's fault. */
static void
test_missing_exchange(void **state)
{
	char path[128];

	(void)state;
	wb_test_relay_start(&bus, 0, "--exchange=later.events", NULL);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_relay_until_ready(&bus, 0, false);
	wb_test_bus_run_ms(&bus, 500);
	assert_string_equal(
	    wb_test_select(&bus.db,
	                   "SELECT sum(attempts) FROM outbox_unpublished"),
	    "0");
	(void)snprintf(path, sizeof path, "/api/exchanges/%s/later.events",
	               bus.name);
	assert_int_equal(wb_test_mgmt("PUT", path,
	                              "{\"type\":\"direct\",\"durable\":true}",
	                              NULL),
	                 201);
	(void)snprintf(path, sizeof path,
	               "/api/bindings/%s/e/later.events/q/events", bus.name);
	assert_int_equal(wb_test_mgmt("POST", path,
	                              "{\"routing_key\":\"" WB_TEST_TYPE "\"}",
	                              NULL),
	                 201);
	/* In between it may be unroutable for a moment. */
	wb_test_bus_check(&bus, 2);
	wb_test_relay_until_ready(&bus, 0, true);
}

/* ---- deliveries ---- */

static const char deliver_sql[] =
    "INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, "
    "attempt, content_type, headers, body, due_at) "
    "SELECT 'c', queue, '" WB_TEST_TYPE "', id::uuid, 2, 'text/plain', "
    "headers::json, '\\xff00fe', now() + wait * interval '1 ms' FROM (VALUES "
    "('c0000000-0000-4000-8000-000000000001', 600, 'retries', "
    "'{\"attempt\": 2, \"error\": \"a \\\"b\\\" \\u00e9\\ud83d\\ude00\"}'), "
    "('a0000000-0000-4000-8000-000000000002', 200, 'retries', "
    "'{\"attempt\": 3}'), "
    "('b0000000-0000-4000-8000-000000000003', 400, 'retries', '{}'), "
    "('d0000000-0000-4000-8000-000000000004', 3600000, 'retries', '{}'), "
    "('e0000000-0000-4000-8000-000000000005', 0, 'nowhere', '{}'), "
    "('f0000000-0000-4000-8000-000000000006', 0, 'retries', '{\"x\": [1]}')) "
    "v(id, wait, queue, headers)";

static void
test_deliveries(void **state)
{
	(void)state;
	wb_test_bus_queue(&bus, "retries", NULL, 0);
	wb_test_bus_consume(&bus, "retries");
	wb_test_relay_start(&bus, 0, "--max-attempts=2 --retry-base-ms=50",
	                    NULL);
	wb_test_script(&bus.db, deliver_sql);
	wb_test_bus_until_received(&bus, 3);
	assert_string_equal(bus.ids, "abc");
	assert_string_equal(bus.last_queue, "retries");
	assert_string_equal(bus.last_type, WB_TEST_TYPE);
	assert_string_equal(bus.last_header,
	                    "a \"b\" \xc3\xa9\xf0\x9f\x98\x80");
	assert_int_equal(bus.last_number, 2);
	wb_test_bus_expect(&bus,
	                   "SELECT count(*) FROM outbox_deliveries "
	                   "WHERE published_at >= due_at",
	                   "3");
	wb_test_bus_expect(
	    &bus,
	    "SELECT string_agg(left(event_id::text, 1) || ' ' || attempts || "
	    "' ' || split_part(reason, ':', 1), ',' ORDER BY event_id) "
	    "FROM outbox_deliveries WHERE parked_at IS NOT NULL",
	    "e 2 UNROUTABLE,f 1 BAD_MESSAGE");
	assert_string_equal(
	    wb_test_select(&bus.db,
	                   "SELECT left(event_id::text, 1) "
	                   "FROM outbox_deliveries WHERE "
	                   "published_at IS NULL AND parked_at IS NULL"),
	    "d");
	assert_int_equal(bus.n_received, 3);
}

/* What the broker's user "name of the bus" may write to. */
static void
allow(const char *what)
{
	char path[160], body[128];

	(void)snprintf(path, sizeof path, "/api/permissions/%s/%s", bus.name,
	               bus.name);
	(void)snprintf(body, sizeof body,
	               "{\"configure\":\"\",\"write\":\"%s\",\"read\":\"\"}",
	               what);
	assert_in_range(wb_test_mgmt("PUT", path, body, NULL), 201, 204);
}

/* That events can be published does not mean that deliveries can. */
static void
test_deliveries_refused(void **state)
{
	char user[128], more[192];

	(void)state;
	(void)snprintf(user, sizeof user, "/api/users/%s", bus.name);
	(void)wb_test_mgmt("PUT", user, "{\"password\":\"p\",\"tags\":\"\"}",
	                   NULL);
	allow("waybill\\\\.events");
	(void)snprintf(more, sizeof more, "--amqp-brokers=amqp://%s:p%s",
	               bus.name, strchr(bus.brokers, '@'));
	wb_test_bus_queue(&bus, "retries", NULL, 0);
	wb_test_relay_start(&bus, 0, more, NULL);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_script(&bus.db, deliver_sql);
	wb_test_relay_until_ready(&bus, 0, false);
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_bus_until_new(&bus, 1);
	wb_test_relay_until_ready(&bus, 0, false);
	allow(".*");
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_bus_expect(&bus,
	                   "SELECT count(*) FROM outbox_deliveries "
	                   "WHERE published_at IS NOT NULL",
	                   "3");
	wb_test_relay_stop(&bus, 0);
	(void)wb_test_mgmt("DELETE", user, NULL, NULL);
}

/* ---- waking up ---- */

/* With sleeps of a minute, a lost wake-up would end the test. Every other
 * insert meets the relay on its way to sleep, the others most likely asleep. */
static void
test_every_insert_wakes(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, "--max-sleep-ms=60000", NULL);
	for (size_t i = 0; i < 200; i++) {
		wb_test_emit(&bus, (int)i, WB_TEST_TYPE);
		wb_test_bus_until_new(&bus, i + 1);
		if (i % 2 == 0)
			wb_test_bus_run_ms(&bus, 10);
	}
	assert_true(
	    wb_test_relay_metric(&bus, 0,
	                         "wb_relay_wakeups_total{source=\"test\","
	                         "by=\"notify\"}") > 50);
	assert_true(
	    wb_test_relay_metric(&bus, 0,
	                         "wb_relay_wakeups_total{source=\"test\","
	                         "by=\"timer\"}") == 0);
	wb_test_bus_check(&bus, 200);
}

static void
test_polling(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, "--wake=poll", NULL);
	for (size_t i = 0; i < 20; i++) {
		wb_test_emit(&bus, (int)i, WB_TEST_TYPE);
		wb_test_bus_until_new(&bus, i + 1);
	}
	assert_true(wb_test_relay_metric(
	                &bus, 0, "wb_relay_sleeps_total{source=\"test\"}") ==
	            0);
	wb_test_bus_check(&bus, 20);
}

/* ---- what it tells ---- */

static void
until_oldest_open(const char *pid, bool is_named)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	char metric[160];

	(void)snprintf(metric, sizeof metric,
	               "wb_relay_oldest_transaction_seconds{source=\"test\","
	               "pid=\"%s\",application_name=\"writer\"}",
	               pid);
	while ((wb_test_relay_metric(&bus, 0, metric) > 1) != is_named) {
		if (wb_mono_us() > end_us)
			fail_msg("%s: is it named?", metric);
		wb_test_bus_run_ms(&bus, 50);
	}
}

/* Who holds a transaction open is named, and not any more when it is over. */
static void
test_oldest_transaction(void **state)
{
	struct wb_test_conn *holder = &bus.writers[0].conn;
	struct wb_tx *tx;
	char pid[16];

	(void)state;
	wb_test_relay_start(&bus, 0, "--count-ms=100", NULL);
	wb_test_relay_until_ready(&bus, 0, true);
	tx = wb_tx_begin(holder->pg, wb_test_on_done, holder);
	wb_tx_query(tx, &insert_stmt, NULL, NULL, NULL);
	wb_tx_flush(tx);
	wb_test_bus_expect(
	    &bus,
	    "SELECT count(*) FROM pg_stat_activity WHERE datname "
	    "= current_database() AND application_name = "
	    "'writer' AND state = 'idle in transaction'",
	    "1");
	(void)snprintf(pid, sizeof pid, "%s",
	               wb_test_select(&bus.db,
	                              "SELECT pid FROM pg_stat_activity WHERE "
	                              "datname = current_database() AND "
	                              "application_name = 'writer' AND state = "
	                              "'idle in transaction'"));
	until_oldest_open(pid, true);
	wb_tx_rollback(tx);
	until_oldest_open(pid, false);
}

/* What is put off for ever must not keep the relay awake. */
static void
test_infinity_is_never_due(void **state)
{
	(void)state;
	wb_test_script(
	    &bus.db,
	    "INSERT INTO outbox_held (seq, slot, lane, xid, aggregate_type, "
	    "aggregate_id, sequence, created_at, attempts, retry_at) VALUES "
	    "(-1, 0, 0, '1', 'thing', 'a1', 1, now(), 1, 'infinity');"
	    "INSERT INTO outbox_deliveries (consumer, queue, routing_key, "
	    "event_id, attempt, content_type, body, due_at) VALUES ('c', "
	    "'events', 'k', gen_random_uuid(), 1, 'text/plain', '', "
	    "'infinity')");
	wb_test_relay_start(&bus, 0, "--max-sleep-ms=100", NULL);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_bus_run_ms(&bus, 1000);
	assert_true(wb_test_relay_metric(
	                &bus, 0, "wb_relay_sleeps_total{source=\"test\"}") > 2);
}

/* ---- parameters ---- */

static void
test_wrong_parameters(void **state)
{
	static const char *const wrong[] = {
		"--sources=orders",
		"--sources=a=host=db",
		"--wake=notify",
		"--claim-cap-ms=5000",
		"--idle-in-transaction-ms=10000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		int status;

		wb_test_relay_start(&bus, 0, wrong[i], NULL);
		status = wb_test_relay_wait(&bus, 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wrong_parameters, set_up),
		cmocka_unit_test_setup(test_two_relays_keep_order, set_up),
		cmocka_unit_test_setup(test_long_chain, set_up),
		cmocka_unit_test_setup(test_late_commit, set_up),
		cmocka_unit_test_setup(test_transactions_in_the_other_order,
		                       set_up),
		cmocka_unit_test_setup(test_unroutable_is_parked, set_up),
		cmocka_unit_test_setup(test_lane_passes_a_parked_aggregate,
		                       set_up),
		cmocka_unit_test_setup(test_nack_is_retried, set_up),
		cmocka_unit_test_setup(test_too_large_is_parked, set_up),
		cmocka_unit_test_setup(test_missing_exchange, set_up),
		cmocka_unit_test_setup(test_deliveries, set_up),
		cmocka_unit_test_setup(test_deliveries_refused, set_up),
		cmocka_unit_test_setup(test_every_insert_wakes, set_up),
		cmocka_unit_test_setup(test_polling, set_up),
		cmocka_unit_test_setup(test_oldest_transaction, set_up),
		cmocka_unit_test_setup(test_infinity_is_never_due, set_up),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
