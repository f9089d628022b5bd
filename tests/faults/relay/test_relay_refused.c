/* What the broker may answer while the relay publishes and writers commit: ack,
 * nack, return, and a closed channel because of the exchange or of one message.
 * Each time nothing is lost, and first deliveries stay in order. */
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

#include "support/mgmt.h"

/* What was refused is tried again soon, and never parked for it; confirms are
 * waited for on the slowest machine. */
#define PATIENT                                                                \
	"--max-attempts=1000 --retry-base-ms=50 --retry-cap-ms=200 "           \
	"--confirm-timeout-ms=60000 --claim-cap-ms=120000 "                    \
	"--idle-in-transaction-ms=180000"

/* Transactions that are committed while a fault lasts. */
enum { MEANWHILE = 100, AGGREGATES_EACH = 5 };

static struct wb_test_bus bus;

static int
set_up_all(void **state)
{
	(void)state;
	wb_test_bus_open(&bus, "relay_refused");
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
	wb_test_bus_exchange(&bus);
	wb_test_bus_bind(&bus, "events", WB_TEST_TYPE);
	wb_test_bus_limit(&bus, "events", 0);
	wb_test_bus_reset(&bus);
	return 0;
}

/* Relay 0 and the writers are at work. */
static void
begin(void)
{
	wb_test_relay_start(&bus, 0, PATIENT, NULL);
	wb_test_write_on(&bus, AGGREGATES_EACH);
	wb_test_bus_until_new(&bus, 200);
}

/* The writers go on while it lasts. */
static void
meanwhile(void)
{
	wb_test_bus_until_committed(&bus, bus.n_committed + MEANWHILE);
}

static void
until_more(const char *outcome, double n)
{
	wb_test_relay_until_events(&bus, 0, outcome,
	                           wb_test_relay_events(&bus, 0, outcome) + n);
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

static void
test_ack(void **state)
{
	(void)state;
	begin();
	meanwhile();
	assert_true(wb_test_relay_events(&bus, 0, "nacked") == 0);
	assert_true(wb_test_relay_events(&bus, 0, "unroutable") == 0);
	end("ack");
	assert_int_equal(bus.n_duplicate, 0);
}

/* A consumer that has stopped, behind it a queue that refuses what it has no
 * room for. Room comes by consuming: a quorum queue of RabbitMQ 3.10 whose
 * limit is lifted while it refuses goes on refusing. */
static void
test_nack(void **state)
{
	(void)state;
	begin();
	wb_test_bus_limit(&bus, "events", 50);
	wb_test_bus_hold(&bus, true);
	until_more("nacked", 1);
	meanwhile();
	until_more("nacked", MEANWHILE);
	wb_test_relay_until_ready(&bus, 0, true);
	/* Room now and then, so that of what waits some is taken, some not. */
	for (int i = 0; i < 5; i++) {
		wb_test_bus_hold(&bus, false);
		wb_test_bus_until_new(&bus, bus.n_new + 100);
		wb_test_bus_hold(&bus, true);
		until_more("nacked", 1);
	}
	assert_string_equal(
	    wb_test_select(&bus.db, WB_TEST_PARKED_SQL("count(*)")), "0");
	wb_test_bus_hold(&bus, false);
	end("nack");
}

static void
test_return(void **state)
{
	(void)state;
	begin();
	wb_test_bus_unbind(&bus, "events", WB_TEST_TYPE);
	until_more("unroutable", 1);
	meanwhile();
	until_more("unroutable", MEANWHILE);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_bus_bind(&bus, "events", WB_TEST_TYPE);
	end("return");
}

#define FULL   "test.full.v1"   /* goes to a queue that is full */
#define NOBODY "test.nobody.v1" /* no queue is bound for it */

/* A queue that takes one message, and has it. */
static void
make_full_queue(void)
{
	char path[256];

	wb_test_bus_queue(&bus, "full", FULL, 1);
	(void)snprintf(path, sizeof path,
	               "/api/exchanges/%s/amq.default/publish", bus.name);
	assert_int_equal(
	    wb_test_mgmt("POST", path,
	                 "{\"properties\":{},\"routing_key\":\"full\","
	                 "\"payload\":\"x\",\"payload_encoding\":\"string\"}",
	                 NULL),
	    200);
}

/* Every other event of an aggregate is refused, the others would be taken: were
 * two of an aggregate on their way at once, the later would come first. */
static void
test_refused_in_between(void **state)
{
	static const char sql[] =
	    "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	    "event_type, payload) SELECT 'thing', 'a' || a, CASE i % 4 "
	    "WHEN 2 THEN '" FULL "' WHEN 0 THEN '" NOBODY
	    "' ELSE '" WB_TEST_TYPE "' END, '{}' "
	    "FROM generate_series(1, 8) i, generate_series(100, 199) a";

	(void)state;
	make_full_queue();
	begin();
	wb_test_script(&bus.db, sql);
	assert_int_equal(bus.db.end, WB_TX_COMMITTED);
	until_more("nacked", 100);
	wb_test_bus_bind(&bus, "events", FULL);
	wb_test_bus_unbind(&bus, "full", FULL);
	until_more("unroutable", 100);
	wb_test_bus_bind(&bus, "events", NOBODY);
	end("refused in between");
	wb_test_bus_unbind(&bus, "events", FULL);
	wb_test_bus_unbind(&bus, "events", NOBODY);
}

/* Nobody's fault: no attempt is spent. The exchange comes back without its
 * binding at first. */
static void
test_exchange_deleted(void **state)
{
	(void)state;
	begin();
	wb_test_bus_exchange_delete(&bus);
	wb_test_relay_until_says(&bus, 0, "404 NOT_FOUND");
	meanwhile();
	assert_true(wb_test_relay_events(&bus, 0, "unroutable") == 0);
	assert_true(wb_test_relay_events(&bus, 0, "nacked") == 0);
	wb_test_bus_exchange(&bus);
	wb_test_bus_bind(&bus, "events", WB_TEST_TYPE);
	end("exchange deleted");
}

/* ---- a message that the broker finds too large ---- */

/* More than the broker of the tests takes, less than the relay's own limit. */
#define TOO_LARGE "6000000"

static void
emit_large(const char *ids)
{
	char sql[512];

	(void)snprintf(sql, sizeof sql,
	               "INSERT INTO outbox_events (aggregate_type, "
	               "aggregate_id, event_type, payload) "
	               "SELECT 'thing', id, '" WB_TEST_TYPE "', "
	               "json_build_object('x', repeat('x', " TOO_LARGE ")) "
	               "FROM unnest('{%s}'::text[]) id",
	               ids);
	wb_test_script(&bus.db, sql);
	assert_int_equal(bus.db.end, WB_TX_COMMITTED);
}

#define PARKED_SQL                                                             \
	WB_TEST_PARKED_SQL("coalesce(string_agg(aggregate_id || ' ' || "       \
	                   "substr(reason, 1, 10), ',' "                       \
	                   "ORDER BY aggregate_id), '')")

/* The broker closes the channel because of one message, and with it everything
 * that is on its way beside it. Two of them are parked, their neighbours go on
 * and the channel is not closed again and again. */
static void
test_too_large(void **state)
{
	static const char smaller_sql[] =
	    "UPDATE outbox_events e SET payload = '{}' FROM outbox_parked p "
	    "WHERE p.kind = 'event' AND e.seq = p.id;"
	    "SELECT outbox_retry(kind, id) FROM outbox_parked";
	int64_t next[2]; /* the events that are parked */

	(void)state;
	begin();
	emit_large("a1,a2");
	wb_test_bus_expect(&bus, PARKED_SQL, "a1 TOO_LARGE:,a2 TOO_LARGE:");
	next[0] = bus.next[1];
	next[1] = bus.next[2];
	/* From now on the relay knows the limit. */
	emit_large("a3");
	wb_test_bus_expect(&bus, PARKED_SQL,
	                   "a1 TOO_LARGE:,a2 TOO_LARGE:,a3 TOO_LARGE:");
	meanwhile();
	wb_test_bus_until_new(&bus, bus.n_new + 200);
	/* Each was refused once. */
	assert_true(wb_test_relay_events(&bus, 0, "too_large") == 3);
	assert_int_equal(bus.next[1], next[0]);
	assert_int_equal(bus.next[2], next[1]);
	wb_test_relay_until_ready(&bus, 0, true);
	wb_test_script(&bus.db, smaller_sql);
	assert_int_equal(bus.db.end, WB_TX_COMMITTED);
	end("too large");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ack, set_up),
		cmocka_unit_test_setup(test_nack, set_up),
		cmocka_unit_test_setup(test_return, set_up),
		cmocka_unit_test_setup(test_refused_in_between, set_up),
		cmocka_unit_test_setup(test_exchange_deleted, set_up),
		cmocka_unit_test_setup(test_too_large, set_up),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
