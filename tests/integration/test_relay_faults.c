/* The outbox relay when processes, connections and servers fail under it:
 * nothing is lost, and first deliveries stay in order per aggregate. */
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

static struct wb_test_bus bus;

static int
set_up_all(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof name, "waybill_relay_faults_%ld",
	               (long)getpid());
	wb_test_bus_open(&bus, name);
	return 0;
}

static int
tear_down_all(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof name, "%s", bus.name);
	wb_test_bus_close(&bus);
	wb_test_database_drop(name);
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

/* Stopped for longer than its claims may last, beside one that goes on. */
static void
test_frozen_beside_another(void **state)
{
	static const char limits[] =
	    "--confirm-timeout-ms=1000 --claim-cap-ms=2000 "
	    "--idle-in-transaction-ms=3000";

	(void)state;
	wb_test_relay_start(&bus, 0, limits, NULL);
	wb_test_relay_start(&bus, 1, limits, NULL);
	wb_test_write(&bus, 1000, 20);
	wb_test_bus_until_new(&bus, 1000);
	wb_test_relay_signal(&bus, 0, SIGSTOP);
	wb_test_bus_check(&bus, 20000);
	wb_test_bus_run_ms(&bus, 1000);
	wb_test_relay_signal(&bus, 0, SIGCONT);
	wb_test_write(&bus, 100, 20);
	wb_test_bus_check(&bus, 22000);
	wb_test_relay_stop(&bus, 0);
	wb_test_relay_stop(&bus, 1);
}

/* How many sessions hold the gate. */
#define GATE_LOCKS_SQL                                                         \
	"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "           \
	"AND granted AND mode = 'ExclusiveLock' AND database = "               \
	"(SELECT oid FROM pg_database WHERE datname = current_database())"

/* A frozen sleeper holds the gate; it is freed by its session's time limit. */
static void
test_frozen_sleeper(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, "--max-sleep-ms=1000", NULL);
	wb_test_bus_expect(&bus, GATE_LOCKS_SQL, "1");
	wb_test_relay_signal(&bus, 0, SIGSTOP);
	wb_test_relay_start(&bus, 1, "--max-sleep-ms=1000", NULL);
	for (int i = 0; i < 20; i++)
		wb_test_emit(&bus, i, WB_TEST_TYPE);
	wb_test_bus_check(&bus, 20);
	wb_test_bus_expect(&bus,
	                   "SELECT count(*) FROM pg_stat_activity "
	                   "WHERE application_name LIKE 'outbox-relay%' AND "
	                   "datname = current_database() AND state = 'idle' "
	                   "AND query LIKE '%pg_try_advisory_lock%'",
	                   "0");
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

/* Asks the management API to close the relay's connections, until there was
 * one: its list is a few seconds behind. */
static void
close_connections(void)
{
	struct wb_buf list = { 0 };
	char path[256];
	bool is_closed = false;

	while (!is_closed) {
		wb_buf_clear(&list);
		(void)snprintf(path, sizeof path,
		               "/api/vhosts/%s/connections?columns=name,"
		               "client_properties.connection_name",
		               bus.name);
		assert_int_equal(wb_test_mgmt("GET", path, NULL, &list), 200);
		for (const char *at = wb_buf_text(&list);
		     (at = strstr(at, "outbox-relay test@")) != NULL; at++) {
			const char *name = strstr(at, "\"name\":\"");
			char *end, from[128];
			struct wb_buf escaped = { 0 };

			WB_ASSERT(name != NULL);
			(void)snprintf(from, sizeof from, "%s",
			               name + strlen("\"name\":\""));
			end = strchr(from, '"');
			WB_ASSERT(end != NULL);
			*end = '\0';
			wb_buf_adds(&escaped, "/api/connections/");
			for (const char *c = from; *c != '\0'; c++)
				if (*c == ' ')
					wb_buf_adds(&escaped, "%20");
				else if (*c == '>')
					wb_buf_adds(&escaped, "%3E");
				else
					wb_buf_add(&escaped, c, 1);
			is_closed =
			    wb_test_mgmt("DELETE", wb_buf_text(&escaped), NULL,
			                 NULL) == 204;
			wb_buf_fini(&escaped);
		}
		wb_test_bus_run_ms(&bus, 50);
	}
	wb_buf_fini(&list);
}

static void
test_broker_connection_closed(void **state)
{
	(void)state;
	wb_test_relay_start(&bus, 0, NULL, NULL);
	wb_test_emit(&bus, 0, WB_TEST_TYPE);
	wb_test_bus_until_new(&bus, 1);
	wb_test_write(&bus, 2000, 20);
	close_connections();
	wb_test_bus_check(&bus, 40001);
	wb_test_relay_until_ready(&bus, 0, true);
	assert_true(
	    wb_test_relay_metric(&bus, 0,
	                         "wb_relay_events_total{source=\"test\","
	                         "outcome=\"nacked\"}") == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_crash_points, set_up),
		cmocka_unit_test_setup(test_killed_again_and_again, set_up),
		cmocka_unit_test_setup(test_drained_under_load, set_up),
		cmocka_unit_test_setup(test_frozen_beside_another, set_up),
		cmocka_unit_test_setup(test_frozen_sleeper, set_up),
		cmocka_unit_test_setup(test_failed_check_frees_the_gate,
		                       set_up),
		cmocka_unit_test_setup(test_backends_terminated, set_up),
		cmocka_unit_test_setup(test_broker_connection_closed, set_up),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
