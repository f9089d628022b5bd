/* Several relays and several databases: relays come and go at random under
 * load, and one of three databases is down meanwhile. Nothing is lost, first
 * deliveries stay in order, and the databases that are well suffer nothing. */
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
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "support/mgmt.h"
#include "support/silent_proxy.h"

/* A relay that is stopped must not hold the others up for long. */
#define QUICK                                                                  \
	"--batch-window-ms=100 --confirm-timeout-ms=1000 "                     \
	"--claim-cap-ms=2000 --idle-in-transaction-ms=3000 "                   \
	"--pg-connect-timeout-ms=1000 --pg-reconnect-cap-ms=500"

/* Confirms are waited for on the slowest machine, a database that is away is
 * noticed soon. */
#define PATIENT                                                                \
	"--confirm-timeout-ms=60000 --claim-cap-ms=120000 "                    \
	"--idle-in-transaction-ms=180000 "                                     \
	"--pg-connect-timeout-ms=1000 --pg-reconnect-cap-ms=500"

enum { AGGREGATES_EACH = 5, MOVES = 25 };

static struct wb_test_bus bus, second, third;
static struct wb_test_bus *const all[] = { &bus, &second, &third };
static struct wb_silent_proxy *proxy; /* to the third one's server */
static char *third_dsn;               /* by the proxy */
static unsigned seed;

static int
set_up_all(void **state)
{
	const char *given = getenv("WB_TEST_SEED");

	(void)state;
	wb_test_bus_open(&bus, "relay_many");
	wb_test_bus_open_beside(&third, &bus, "third");
	wb_test_bus_open_beside(&second, &bus, "second");
	proxy = wb_silent_proxy_new(bus.loop, wb_test_port_of(third.dsn), NULL);
	third_dsn = wb_strdup(wb_test_url_at(third.dsn, "postgres", "127.0.0.1",
	                                     wb_silent_proxy_port(proxy)));
	third.relay_dsn = third_dsn;
	seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
	                     : (unsigned)wb_wall_us();
	print_message("WB_TEST_SEED=%u\n", seed);
	return 0;
}

static int
tear_down_all(void **state)
{
	(void)state;
	wb_test_relays_kill(&bus);
	wb_silent_proxy_free(proxy);
	wb_test_bus_close(&bus);
	free(third_dsn);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	wb_silent_proxy_freeze(proxy, false);
	wb_test_bus_reset(&bus);
	return 0;
}

/* From 0 to n - 1; always the same for a seed. */
static size_t
any(size_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static void
write_to_all(bool is_on)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (is_on)
			wb_test_write_on(all[i], AGGREGATES_EACH);
		else
			wb_test_write_end(all[i]);
}

/* The database is there, and answers nothing. */
static void
third_goes_down(void)
{
	wb_silent_proxy_cut(proxy);
	wb_silent_proxy_freeze(proxy, true);
}

static void
third_comes_back(void)
{
	wb_silent_proxy_freeze(proxy, false);
}

static void
check(struct wb_test_bus *of)
{
	size_t n = wb_test_bus_check_all(of);

	print_message("%s: %zu events, %zu came twice\n", of->source, n,
	              of->n_duplicate);
}

/* ---- one database down ---- */

static void
test_one_of_three_down(void **state)
{
	size_t n_third;

	(void)state;
	wb_test_relay_start(&bus, 0, PATIENT, NULL);
	write_to_all(true);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		wb_test_bus_until_new(all[i], 200);
	third_goes_down();
	wb_test_relay_until_ready(&bus, 0, false);
	/* What it had published is in the queue before these. */
	wb_test_bus_until_new(&bus, bus.n_new + 500);
	n_third = third.n_new;
	wb_test_bus_until_new(&bus, bus.n_new + 1000);
	wb_test_bus_until_new(&second, second.n_new + 1000);
	assert_int_equal(third.n_new, n_third);
	write_to_all(false);
	check(&bus);
	check(&second);
	/* Nobody had to wait for it, or to send anything again. */
	assert_int_equal(bus.n_duplicate, 0);
	assert_int_equal(second.n_duplicate, 0);
	third_comes_back();
	check(&third);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_relay_stop(&bus, 0);
}

/* ---- at random ---- */

/* What a move may do to a relay: it is not there, at work, or frozen. */
enum { GONE, AT_WORK, FROZEN };

static int states[WB_TEST_RELAYS];

static void
move(size_t at)
{
	switch (states[at]) {
	case GONE:
		wb_test_relay_start(&bus, at, QUICK, NULL);
		states[at] = AT_WORK;
		break;
	case AT_WORK:
		switch (any(3)) {
		case 0:
			wb_test_relay_signal(&bus, at, SIGSTOP);
			states[at] = FROZEN;
			return;
		case 1:
			/* Before it listens to HTTP it may not yet to
			 * signals. */
			wb_test_relay_until_says(&bus, at, "dependencies");
			wb_test_relay_stop(&bus, at);
			break;
		default:
			wb_test_relay_signal(&bus, at, SIGKILL);
			(void)wb_test_relay_wait(&bus, at);
		}
		states[at] = GONE;
		break;
	default:
		wb_test_relay_signal(&bus, at, SIGCONT);
		states[at] = AT_WORK;
	}
}

static bool
is_any_at_work(void)
{
	for (size_t i = 0; i < WB_TEST_RELAYS; i++)
		if (states[i] == AT_WORK)
			return true;
	return false;
}

static void
test_coming_and_going(void **state)
{
	(void)state;
	memset(states, 0, sizeof states);
	third_goes_down();
	write_to_all(true);
	for (int i = 0; i < MOVES; i++) {
		struct wb_test_bus *of = any(2) == 0 ? &bus : &second;

		move(any(WB_TEST_RELAYS));
		while (!is_any_at_work())
			move(any(WB_TEST_RELAYS));
		wb_test_bus_until_new(of, of->n_new + 1 + any(200));
	}
	for (size_t i = 0; i < WB_TEST_RELAYS; i++)
		if (states[i] == FROZEN)
			move(i);
	write_to_all(false);
	check(&bus);
	check(&second);
	assert_int_equal(third.n_new, 0);
	third_comes_back();
	check(&third);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_of_three_down, set_up),
		cmocka_unit_test_setup(test_coming_and_going, set_up),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
