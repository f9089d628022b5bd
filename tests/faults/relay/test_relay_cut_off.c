/* The relay and a broker that goes away while both it and writers are at work:
 * by closing the connection, by a crash, by silence, by an alarm. It holds no
 * lock meanwhile and resumes by itself; nothing is lost, and first deliveries
 * stay in order. */
#include "support/relay_fixture.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "support/broker_ctl.h"
#include "support/mgmt.h"
#include "support/silent_proxy.h"

/* A silent broker is noticed within some seconds. That locks go is the relay's
 * own doing: the server would end its transactions only after minutes. */
#define QUICK                                                                  \
	"--batch-window-ms=100 --confirm-timeout-ms=1000 "                     \
	"--claim-cap-ms=2000 --idle-in-transaction-ms=300000 "                 \
	"--amqp-heartbeat-s=2 --amqp-connect-timeout-ms=1000 "                 \
	"--amqp-rpc-timeout-ms=1000 --amqp-reconnect-cap-ms=500 "

/* Transactions that are committed while a fault lasts. */
enum { MEANWHILE = 100, AGGREGATES_EACH = 5 };

static struct wb_test_bus bus;
static struct wb_silent_proxy *proxy;
static struct wb_test_alarm alarm_;

static int
set_up_all(void **state)
{
	(void)state;
	wb_test_bus_open(&bus, "relay_cut_off");
	proxy =
	    wb_silent_proxy_new(bus.loop, wb_test_port_of(bus.brokers), NULL);
	return 0;
}

static int
tear_down_all(void **state)
{
	(void)state;
	wb_silent_proxy_free(proxy);
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

/* Also after a test that has failed. */
static int
tear_down(void **state)
{
	(void)state;
	wb_test_alarm_end(bus.loop, &alarm_);
	wb_silent_proxy_freeze(proxy, false);
	bus.may_lose_broker = false;
	return 0;
}

/* Relay 0 and the writers are at work. */
static void
begin(const char *brokers)
{
	char more[1024];

	(void)snprintf(more, sizeof more, QUICK "--amqp-brokers=%s", brokers);
	wb_test_relay_start(&bus, 0, more, NULL);
	wb_test_write_on(&bus, AGGREGATES_EACH);
	wb_test_bus_until_new(&bus, 200);
}

/* By itself all is well again. */
static void
end(const char *what)
{
	size_t n;

	wb_test_bus_until_new(&bus, bus.n_new + 200);
	wb_test_write_end(&bus);
	n = wb_test_bus_check_all(&bus);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_relay_stop(&bus, 0);
	print_message("%s: %zu events, %zu came twice\n", what, n,
	              bus.n_duplicate);
}

/* ---- what it holds ---- */

#define OF_THE_RELAY                                                           \
	"datname = current_database() AND application_name "                   \
	"LIKE 'outbox-relay%' "

/* Locks of a batch, on whatever table: looking takes AccessShareLock only. */
#define LOCKS_SQL                                                              \
	"SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "     \
	"WHERE " OF_THE_RELAY "AND locktype = 'relation' "                     \
	"AND mode <> 'AccessShareLock'"

#define OLDEST_SQL                                                             \
	"SELECT coalesce(max(extract(epoch FROM clock_timestamp() - "          \
	"xact_start) * 1000), 0)::bigint FROM pg_stat_activity "               \
	"WHERE " OF_THE_RELAY

/* The writers go on while it lasts; once the relay has let go, it takes no lock
 * again in so many looks. */
static void
meanwhile_without_locks(void)
{
	enum { LOOKS = 100 };
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	size_t n_committed = bus.n_committed + MEANWHILE;
	long oldest_ms = 0;

	for (int n_free = 0; n_free < LOOKS;) {
		long age_ms =
		    strtol(wb_test_select(&bus.db, OLDEST_SQL), NULL, 10);

		if (age_ms > oldest_ms)
			oldest_ms = age_ms;
		n_free = strcmp(wb_test_select(&bus.db, LOCKS_SQL), "0") == 0
		             ? n_free + 1
		             : 0;
		if (wb_mono_us() > end_us)
			fail_msg("the relay keeps its locks, or takes them "
			         "again");
		wb_test_bus_run_ms(&bus, 20);
	}
	wb_test_bus_until_committed(&bus, n_committed);
	print_message("its longest transaction meanwhile: %ld ms\n", oldest_ms);
}

/* ---- closed, crashed ---- */

static void
test_connection_closed(void **state)
{
	(void)state;
	begin(bus.brokers);
	for (int i = 0; i < 3; i++) {
		while (wb_test_connections_close(bus.name,
		                                 "outbox-relay test@") == 0)
			wb_test_bus_run_ms(&bus, 50);
		wb_test_bus_until_new(&bus, bus.n_new + 200);
	}
	assert_true(wb_test_relay_events(&bus, 0, "nacked") == 0);
	end("connection closed");
}

static void
test_broker_killed(void **state)
{
	(void)state;
	begin(bus.brokers);
	bus.may_lose_broker = true;
	wb_test_broker(bus.loop, "kill");
	wb_test_relay_until_ready(&bus, 0, false);
	meanwhile_without_locks();
	wb_test_broker(bus.loop, "start");
	end("broker killed");
}

/* ---- silence ---- */

/* Nothing passes from the relay, to it, or both; nothing is closed. */
static void
fall_silent(bool to_broker, bool to_relay, const char *what)
{
	char *brokers = wb_strdup(wb_test_url_at(
	    bus.brokers, "amqp", "127.0.0.1", wb_silent_proxy_port(proxy)));

	begin(brokers);
	wb_silent_proxy_freeze_ways(proxy, to_broker, to_relay);
	wb_test_relay_until_ready(&bus, 0, false);
	meanwhile_without_locks();
	wb_silent_proxy_freeze(proxy, false);
	end(what);
	free(brokers);
}

static void
test_silence(void **state)
{
	(void)state;
	fall_silent(true, true, "silence");
}

static void
test_silence_of_the_relay(void **state)
{
	(void)state;
	fall_silent(true, false, "silence of the relay");
}

/* What it publishes is delivered; that it was, it never learns. */
static void
test_silence_of_the_broker(void **state)
{
	(void)state;
	fall_silent(false, true, "silence of the broker");
}

/* ---- looks beside a batch ---- */

#define LOOKS_IN_VAIN_SQL                                                      \
	"SELECT xact_rollback FROM pg_stat_database "                          \
	"WHERE datname = current_database()"

static long
looks_in_vain(void)
{
	return strtol(wb_test_select(&bus.db, LOOKS_IN_VAIN_SQL), NULL, 10);
}

/* A relay that waits long for the broker's word. */
static void
start_patient(const char *more)
{
	char all[512];

	(void)snprintf(all, sizeof all,
	               "%s--confirm-timeout-ms=%d --claim-cap-ms=%d "
	               "--idle-in-transaction-ms=300000 --amqp-brokers=%s",
	               more, WB_TEST_RELAY_WAIT_MS, 2 * WB_TEST_RELAY_WAIT_MS,
	               wb_test_url_at(bus.brokers, "amqp", "127.0.0.1",
	                              wb_silent_proxy_port(proxy)));
	wb_test_relay_start(&bus, 0, all, NULL);
	wb_test_relay_until_ready(&bus, 0, true);
}

/* A batch that waits for the broker's word holds every lane: nobody looks for
 * what cannot be had, ten times a second in case it fails, and twenty times for
 * deliveries. A session tells the server's counters of it once a second. */
static void
test_every_lane_is_held(void **state)
{
	enum { EVENTS = 100, HELD_MS = 3000, EACH_MS = 20 };
	int64_t began_us;
	long n;

	(void)state;
	start_patient("");
	wb_silent_proxy_freeze_ways(proxy, false, true);
	wb_test_script(&bus.db,
	               "INSERT INTO outbox_events (aggregate_type, "
	               "aggregate_id, event_type, payload) SELECT 'thing', "
	               "'a' || n, '" WB_TEST_TYPE "', '{}' "
	               "FROM generate_series(0, 99) AS n");
	wb_test_bus_until_new(&bus, EVENTS);
	began_us = wb_mono_us();
	n = looks_in_vain();
	wb_test_bus_run_ms(&bus, HELD_MS);
	n = looks_in_vain() - n;
	assert_true(n * EACH_MS * 1000 < wb_mono_us() - began_us);
	wb_silent_proxy_freeze(proxy, false);
	wb_test_bus_check(&bus, EVENTS);
	assert_int_equal(bus.n_duplicate, 0);
}

static const struct wb_pg_stmt lock_lanes = {
	"lock_lanes",
	"LOCK TABLE outbox_lanes IN EXCLUSIVE MODE",
};

/* While one batch is in hand, whoever claims beside it waits behind one who
 * waits for its end, and fails. Then all claims are made by the first again:
 * but the other shows that it works again, though nothing is left to do. */
static void
test_a_claim_beside_it_fails(void **state)
{
	struct wb_test_conn *writer = &bus.writers[0].conn;
	struct wb_tx *tx;
	size_t n_done = writer->n_done;

	(void)state;
	start_patient("--statement-timeout-ms=200 ");
	wb_silent_proxy_freeze_ways(proxy, false, true);
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_bus_until_new(&bus, 1);
	tx = wb_tx_begin(writer->pg, wb_test_on_done, writer);
	wb_tx_deadline_ms(tx, WB_TEST_RELAY_WAIT_MS);
	wb_tx_query(tx, &lock_lanes, NULL, NULL, NULL);
	wb_tx_flush(tx);
	wb_test_relay_until_says(&bus, 0, "statement timeout");
	(void)wb_test_select(&bus.db,
	                     "SELECT count(pg_cancel_backend(pid)) FROM "
	                     "pg_stat_activity WHERE query LIKE 'LOCK %' "
	                     "AND datname = current_database()");
	assert_true(wb_test_run_until(bus.loop, &writer->n_done, n_done + 1));
	wb_silent_proxy_freeze(proxy, false);
	wb_test_bus_check(&bus, 1);
	wb_test_relay_until_ready(&bus, 0, true);
}

/* ---- an alarm ---- */

static void
test_alarm(void **state)
{
	(void)state;
	begin(bus.brokers);
	wb_test_alarm_begin(bus.loop, &alarm_);
	wb_test_relay_until_says(&bus, 0, "blocked");
	meanwhile_without_locks();
	/* The broker's heartbeats go on: the connection is not given up. */
	wb_test_bus_run_ms(&bus, 6000);
	wb_test_relay_until_says(&bus, 0, "blocked");
	assert_true(wb_test_relay_events(&bus, 0, "nacked") == 0);
	wb_test_alarm_end(bus.loop, &alarm_);
	end("memory alarm");
}

/* One that starts under the alarm learns of it when it first publishes. */
static void
test_started_under_alarm(void **state)
{
	(void)state;
	wb_test_alarm_begin(bus.loop, &alarm_);
	wb_test_relay_start(&bus, 0, QUICK, NULL);
	wb_test_write_on(&bus, AGGREGATES_EACH);
	wb_test_relay_until_says(&bus, 0, "blocked");
	meanwhile_without_locks();
	assert_int_equal(bus.n_received, 0);
	wb_test_alarm_end(bus.loop, &alarm_);
	end("started under a memory alarm");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_connection_closed),
		TEST(test_silence),
		TEST(test_silence_of_the_relay),
		TEST(test_silence_of_the_broker),
		TEST(test_every_lane_is_held),
		TEST(test_a_claim_beside_it_fails),
		TEST(test_alarm),
		TEST(test_started_under_alarm),
		TEST(test_broker_killed),
#undef TEST
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
