/* A relay that dies or freezes at its work, or whose sessions do: nothing is
 * lost, and first deliveries stay in order per aggregate. */
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
#include "support/silent_proxy.h"

static struct wb_test_bus bus;

static int
set_up_all(void **state)
{
	(void)state;
	wb_test_bus_open(&bus, "relay_dies");
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

/* ---- its own death ---- */

static void
crash_at(const char *point)
{
	int status;

	wb_test_bus_reset(&bus);
	wb_test_script(
	    &bus.db,
	    "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	    "event_type, payload) SELECT 'thing', 'a' || a, '" WB_TEST_TYPE
	    "', '{}' FROM generate_series(1, 20) i, generate_series(0, 99) a");
	wb_test_relay_start(&bus, 0, NULL, point);
	status = wb_test_relay_wait(&bus, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	wb_test_relay_start(&bus, 0, NULL, NULL);
	wb_test_bus_check(&bus, 2000);
	print_message("%s: %zu events came twice\n", point, bus.n_duplicate);
	wb_test_relay_stop(&bus, 0);
}

static void
test_crash_points(void **state)
{
	static const char *const points[] = {
		"relay.after_claim",
		"relay.after_publish",
		"relay.after_confirm",
		"relay.after_mark",
	};

	(void)state;
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		crash_at(points[i]);
}

static void
test_killed_again_and_again(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 1, NULL, NULL);
	wb_test_write(&bus, 500, 20);
	for (int i = 0; i < 5; i++) {
		wb_test_relay_start(&bus, 0, NULL, NULL);
		wb_test_bus_run_ms(&bus, 400);
		wb_test_relay_signal(&bus, 0, SIGKILL);
		(void)wb_test_relay_wait(&bus, 0);
	}
	wb_test_bus_check(&bus, 10000);
}

static void
test_drained_under_load(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, NULL, NULL);
	wb_test_write(&bus, 500, 20);
	wb_test_bus_until_new(&bus, 500);
	wb_test_relay_stop(&bus, 0);
	wb_test_bus_run_ms(&bus, 200);
	wb_test_relay_start(&bus, 0, NULL, NULL);
	wb_test_bus_check(&bus, 10000);
	assert_int_equal(bus.n_duplicate, 0);
}

/* How long a relay stays frozen; a minute takes the time limits as they are by
 * default. */
static int64_t
freeze_ms(void)
{
	const char *seconds = getenv("WB_TEST_FREEZE_S");

	return 1000 * (seconds == NULL ? 5 : strtol(seconds, NULL, 10));
}

/* Sessions of frozen relay 0 within a transaction: a batch in hand. */
static void
in_hand_sql(char sql[256])
{
	(void)snprintf(sql, 256,
	               "SELECT count(*) > 0 FROM pg_stat_activity "
	               "WHERE datname = current_database() "
	               "AND state LIKE 'idle in transaction%%' "
	               "AND application_name LIKE 'outbox-relay%%:%ld'",
	               (long)bus.relays[0].pid);
}

/* Stops it while it has a batch in hand. */
static void
freeze_at_work(void)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	char sql[256];

	in_hand_sql(sql);
	for (;;) {
		wb_test_relay_signal(&bus, 0, SIGSTOP);
		if (strcmp(wb_test_select(&bus.db, sql), "t") == 0)
			return;
		wb_test_relay_signal(&bus, 0, SIGCONT);
		assert_true(wb_mono_us() < end_us);
		wb_test_bus_run_ms(&bus, 1);
	}
}

/* Time limits that a short freeze exceeds, too. */
static const char *
limits(void)
{
	return freeze_ms() < 30000
	           ? "--confirm-timeout-ms=1000 --claim-cap-ms=2000 "
	             "--idle-in-transaction-ms=3000 "
	           : "";
}

/* Relay 0 has just been frozen with a batch in hand, beside relay 1, which goes
 * on, also with that batch; relay 0 thaws much later. */
static void
stay_frozen(void)
{
	int64_t thaw_us = wb_mono_us() + freeze_ms() * 1000;
	char sql[256];
	size_t n;

	in_hand_sql(sql);
	wb_test_bus_expect(&bus, sql, "f"); /* the server ends it */
	wb_test_bus_until_committed(&bus, bus.n_committed + 100);
	while (wb_mono_us() < thaw_us)
		wb_test_bus_run_ms(&bus, 100);
	wb_test_write_end(&bus);
	n = wb_test_bus_check_all(&bus);
	wb_test_write_on(&bus, 20);
	wb_test_relay_signal(&bus, 0, SIGCONT);
	wb_test_bus_until_new(&bus, n + 1000);
	wb_test_write_end(&bus);
	n = wb_test_bus_check_all(&bus);
	print_message("frozen for %lld ms: %zu events, %zu came twice\n",
	              (long long)freeze_ms(), n, bus.n_duplicate);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_relay_stop(&bus, 0);
	wb_test_relay_stop(&bus, 1);
}

static void
test_frozen_beside_another(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, limits(), NULL);
	wb_test_relay_start(&bus, 1, limits(), NULL);
	wb_test_write_on(&bus, 20);
	wb_test_bus_until_new(&bus, 1000);
	freeze_at_work();
	stay_frozen();
}

/* Whether events were delivered that relay 0 has not marked, but has in hand.
 */
static bool
is_before_confirms(void)
{
	char sql[256];

	in_hand_sql(sql);
	return strtoul(wb_test_select(&bus.db, WB_TEST_PUBLISHED_SQL), NULL,
	               10) < bus.n_new &&
	       strcmp(wb_test_select(&bus.db, sql), "t") == 0;
}

/* What it has published is delivered; the confirms reach it while it is frozen,
 * and it reads them when somebody else has published the same again. */
static void
test_frozen_before_its_confirms(void **state)
{
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(bus.loop, wb_test_port_of(bus.brokers), NULL);
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	char more[1024];

	(void)state;
	(void)snprintf(more, sizeof more, "%s--amqp-brokers=%s", limits(),
	               wb_test_url_at(bus.brokers, "amqp", "127.0.0.1",
	                              wb_silent_proxy_port(proxy)));
	wb_test_relay_start(&bus, 0, more, NULL);
	wb_test_write_on(&bus, 20);
	wb_test_bus_until_new(&bus, 1000);
	wb_silent_proxy_freeze_ways(proxy, false, true);
	while (!is_before_confirms()) {
		assert_true(wb_mono_us() < end_us);
		wb_test_bus_run_ms(&bus, 5);
	}
	wb_test_relay_signal(&bus, 0, SIGSTOP);
	wb_silent_proxy_freeze(proxy, false);
	wb_test_relay_start(&bus, 1, limits(), NULL);
	stay_frozen();
	assert_true(bus.n_duplicate > 0);
	wb_silent_proxy_free(proxy);
}

/* The gate's advisory lock, as pg_locks shows it. */
#define GATE_LOCK                                                              \
	"locktype = 'advisory' AND objsubid = 1 AND granted "                  \
	"AND (classid::bigint << 32) + objid::bigint = 8617204431 "

/* How many sessions hold the gate. */
#define GATE_LOCKS_SQL                                                         \
	"SELECT count(*) FROM pg_locks WHERE " GATE_LOCK                       \
	"AND mode = 'ExclusiveLock' AND database = "                           \
	"(SELECT oid FROM pg_database WHERE datname = current_database())"

/* A frozen sleeper holds the gate; it is freed by its session's time limit. */
static void
test_frozen_sleeper(void **state)
{
	char asleep_sql[512];

	(void)state;
	wb_test_relay_start(&bus, 0, "--max-sleep-ms=1000", NULL);
	wb_test_bus_expect(&bus, GATE_LOCKS_SQL, "1");
	wb_test_relay_signal(&bus, 0, SIGSTOP);
	wb_test_relay_start(&bus, 1, "--max-sleep-ms=1000", NULL);
	for (int i = 0; i < 20; i++)
		wb_test_emit(&bus, i, WB_TEST_TYPE);
	wb_test_bus_check(&bus, 20);
	(void)snprintf(asleep_sql, sizeof asleep_sql,
	               "SELECT count(*) FROM pg_locks JOIN pg_stat_activity "
	               "USING (pid) WHERE " GATE_LOCK
	               "AND application_name LIKE 'outbox-relay%%:%ld'",
	               (long)bus.relays[0].pid);
	wb_test_bus_expect(&bus, asleep_sql, "0");
	wb_test_relay_signal(&bus, 0, SIGCONT);
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_bus_check(&bus, 21);
	wb_test_relay_stop(&bus, 0);
	wb_test_relay_stop(&bus, 1);
}

static const struct wb_pg_stmt lock_stmt = {
	"lock_outbox",
	"LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE",
};

/* Its lock is taken, then the look at the table fails: a lock kept, or taken
 * twice, would make every commit pay for a NOTIFY from then on. */
static void
test_failed_check_frees_the_gate(void **state)
{
	struct wb_test_conn *writer = &bus.writers[0].conn;
	struct wb_tx *tx;
	size_t n_done = writer->n_done;

	(void)state;
	wb_test_relay_start(&bus, 0, "--statement-timeout-ms=200", NULL);
	wb_test_relay_until_ready(&bus, 0, true);
	tx = wb_tx_begin(writer->pg, wb_test_on_done, writer);
	wb_tx_query(tx, &lock_stmt, NULL, NULL, NULL);
	wb_tx_flush(tx);
	wb_test_bus_run_ms(&bus, 1500);
	wb_test_bus_expect(&bus, GATE_LOCKS_SQL, "0");
	wb_tx_commit(tx);
	assert_true(wb_test_run_until(bus.loop, &writer->n_done, n_done + 1));
	wb_test_emit(&bus, 1, WB_TEST_TYPE);
	wb_test_bus_check(&bus, 1);
	wb_test_bus_expect(&bus, GATE_LOCKS_SQL, "1");
	wb_test_relay_until_ready(&bus, 0, true);
}

/* ---- its servers ---- */

static void
test_backends_terminated(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, NULL, NULL);
	wb_test_write(&bus, 500, 20);
	for (int i = 0; i < 5; i++) {
		wb_test_bus_run_ms(&bus, 200);
		(void)wb_test_select(
		    &bus.db,
		    "SELECT count(pg_terminate_backend(pid)) FROM "
		    "pg_stat_activity WHERE datname = current_database() "
		    "AND application_name LIKE 'outbox-relay%'");
	}
	wb_test_bus_check(&bus, 10000);
	wb_test_relay_until_ready(&bus, 0, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_crash_points, set_up),
		cmocka_unit_test_setup(test_killed_again_and_again, set_up),
		cmocka_unit_test_setup(test_drained_under_load, set_up),
		cmocka_unit_test_setup(test_frozen_beside_another, set_up),
		cmocka_unit_test_setup(test_frozen_before_its_confirms, set_up),
		cmocka_unit_test_setup(test_frozen_sleeper, set_up),
		cmocka_unit_test_setup(test_failed_check_frees_the_gate,
		                       set_up),
		cmocka_unit_test_setup(test_backends_terminated, set_up),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
