/* Producers of a test of the relay: connections that commit events. */
#include "support/relay_fixture.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

void
wb_test_emit(struct wb_test_bus *bus, int aggregate, const char *type)
{
	char sql[256];

	(void)snprintf(
	    sql, sizeof sql,
	    "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	    "event_type, payload) VALUES ('thing', 'a%d', '%s', '{}')",
	    aggregate, type);
	wb_test_script(&bus->db, sql);
	assert_int_equal(bus->db.end, WB_TX_COMMITTED);
}

static void write_next(void *arg);

static void
on_written(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_test_writer *writer = arg;

	writer->is_busy = false;
	if (outcome->end != WB_TX_COMMITTED) {
		wb_test_go_wrong(writer->bus, "a writer fails: %s",
		                 outcome->message);
		return;
	}
	writer->bus->n_committed++;
	if (writer->n_left > 0)
		writer->n_left--;
	if (writer->n_left > 0 && writer->bus->pause_ms > 0)
		wb_timer_start_ms(&writer->pause, writer->bus->pause_ms);
	else if (writer->n_left > 0)
		write_next(writer);
}

/* Which aggregates a transaction takes moves on from one to the next; in one
 * order within it, so that writers never deadlock. */
static void
write_next(void *arg)
{
	static size_t n_started;
	struct wb_test_writer *writer = arg;
	size_t n_aggregates = writer->n_aggregates;
	size_t n_places = writer->n_spread / n_aggregates;
	size_t first = n_started++ % n_places * n_aggregates;
	char sql[512];

	(void)snprintf(
	    sql, sizeof sql,
	    "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	    "event_type, payload) SELECT 'thing', 'a' || i, '" WB_TEST_TYPE
	    "', json_build_object('n', i, 'text', repeat('x', 200)) "
	    "FROM generate_series(%zu, %zu) i",
	    first, first + n_aggregates - 1);
	writer->is_busy = true;
	wb_pg_script(writer->conn.pg, sql, on_written, writer);
}

/* n: transactions of each. n_spread: over how many aggregates in all. */
static void
start_all(struct wb_test_bus *bus, size_t n, size_t n_aggregates,
          size_t n_spread)
{
	for (size_t i = 0; i < WB_TEST_WRITERS; i++) {
		struct wb_test_writer *writer = &bus->writers[i];

		writer->n_left = n;
		writer->n_aggregates = n_aggregates;
		writer->n_spread = n_spread;
		write_next(writer);
	}
}

void
wb_test_write(struct wb_test_bus *bus, size_t n_transactions,
              size_t n_aggregates)
{
	bus->pause_ms = 0;
	start_all(bus, n_transactions / WB_TEST_WRITERS, n_aggregates,
	          WB_TEST_AGGREGATES);
}

/* Some 40 transactions a second each: a load, but none that piles up. Over few
 * aggregates: where something holds the relay up, each soon has several events
 * that wait. */
void
wb_test_write_on(struct wb_test_bus *bus, size_t n_aggregates)
{
	bus->pause_ms = 25;
	start_all(bus, SIZE_MAX, n_aggregates, WB_TEST_HOT_AGGREGATES);
}

void
wb_test_write_end(struct wb_test_bus *bus)
{
	wb_test_writers_reset(bus);
	if (bus->first->wrong[0] != '\0')
		fail_msg("%s", bus->first->wrong);
}

/* Those connections have time limits of their own. */
void
wb_test_writers_reset(struct wb_test_bus *bus)
{
	for (size_t i = 0; i < WB_TEST_WRITERS; i++) {
		struct wb_test_writer *writer = &bus->writers[i];

		writer->n_left = 0;
		wb_timer_stop(&writer->pause);
		while (writer->is_busy)
			wb_test_run_for(bus->loop, 5);
	}
}

void
wb_test_writers_open(struct wb_test_bus *bus)
{
	for (size_t i = 0; i < WB_TEST_WRITERS; i++) {
		struct wb_test_writer *writer = &bus->writers[i];

		writer->bus = bus;
		wb_timer_init(&writer->pause, bus->loop, write_next, writer);
		wb_test_conn_params(&writer->conn, bus->dsn);
		wb_test_conn_open(&writer->conn, bus->loop, "writer", NULL);
	}
}

void
wb_test_writers_close(struct wb_test_bus *bus)
{
	for (size_t i = 0; i < WB_TEST_WRITERS; i++) {
		wb_test_conn_close(&bus->writers[i].conn);
		wb_timer_fini(&bus->writers[i].pause);
	}
}
