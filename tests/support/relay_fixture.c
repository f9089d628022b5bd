#include "support/relay_fixture.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "support/mgmt.h"

#define EXCHANGE "waybill.events"

/* ---- waiting ---- */

void
wb_test_bus_run_ms(struct wb_test_bus *bus, int64_t ms)
{
	wb_test_run_for(bus->loop, ms);
}

static int64_t
wait_end_us(void)
{
	return wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
}

static void
until(struct wb_test_bus *bus, const size_t *counter, size_t n,
      const char *what)
{
	int64_t end_us = wait_end_us();
	size_t last = *counter;

	while (*counter < n) {
		if (bus->first->wrong[0] != '\0')
			fail_msg("%s", bus->first->wrong);
		if (wb_mono_us() > end_us)
			fail_msg("%zu of %zu %s", *counter, n, what);
		wb_test_run_for(bus->loop, 5);
		if (*counter != last)
			end_us = wait_end_us();
		last = *counter;
	}
}

void
wb_test_bus_until_new(struct wb_test_bus *bus, size_t n)
{
	until(bus, &bus->n_new, n, "different events came");
}

void
wb_test_bus_until_received(struct wb_test_bus *bus, size_t n)
{
	until(bus, &bus->n_received, n, "deliveries came");
}

void
wb_test_bus_until_committed(struct wb_test_bus *bus, size_t n)
{
	until(bus, &bus->n_committed, n, "transactions were committed");
}

void
wb_test_bus_expect(struct wb_test_bus *bus, const char *sql, const char *text)
{
	int64_t end_us = wait_end_us();

	while (strcmp(wb_test_select(&bus->db, sql), text) != 0) {
		if (wb_mono_us() > end_us)
			fail_msg("%s gives %s, not %s", sql, bus->db.selected,
			         text);
		wb_test_run_for(bus->loop, 20);
	}
}

/* ---- the proof ---- */

/* Written in the transaction of each event, whatever becomes of its row in the
 * outbox. */
static const char ledger_sql[] =
    "CREATE TABLE test_ledger (aggregate_id text, sequence bigint, "
    "event_id uuid, PRIMARY KEY (aggregate_id, sequence));"
    "CREATE FUNCTION test_ledger() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN INSERT INTO test_ledger "
    "VALUES (NEW.aggregate_id, NEW.sequence, NEW.event_id) "
    "ON CONFLICT DO NOTHING; RETURN NULL; END $$;"
    "CREATE TRIGGER test_ledger AFTER INSERT ON outbox_events "
    "FOR EACH ROW EXECUTE FUNCTION test_ledger()";

struct proof {
	const struct wb_test_bus *bus;
	size_t n_committed, n_missing, n_done;
	char missing[128]; /* one of them */
};

static void
on_ledger(const struct wb_pg_result *result, void *arg)
{
	struct proof *proof = arg;

	proof->n_committed = wb_pg_rows(result);
	for (size_t i = 0; i < wb_pg_rows(result); i++) {
		const char *aggregate = wb_pg_text(result, i, 0);
		int64_t sequence = wb_pg_i64(result, i, 1);
		struct wb_uuid id = wb_pg_uuid(result, i, 2);

		if (wb_test_was_delivered(proof->bus,
		                          strtol(aggregate + 1, NULL, 10),
		                          sequence, &id))
			continue;
		proof->n_missing++;
		(void)snprintf(proof->missing, sizeof proof->missing, "%s/%lld",
		               aggregate, (long long)sequence);
	}
}

static void
on_ledger_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct proof *proof = arg;

	(void)outcome; /* n_committed tells */
	proof->n_done++;
}

static void
prove(struct wb_test_bus *bus, size_t n)
{
	static const struct wb_pg_stmt stmt = {
		"test_ledger",
		"SELECT aggregate_id, sequence, event_id FROM test_ledger",
	};
	struct proof proof = { .bus = bus };

	wb_pg_query(bus->db.pg, &stmt, NULL, on_ledger, on_ledger_done, &proof);
	until(bus, &proof.n_done, 1, "ledgers were read");
	if (proof.n_missing > 0)
		fail_msg("%zu events never came, or with another id: %s",
		         proof.n_missing, proof.missing);
	assert_int_equal(proof.n_committed, n);
	assert_int_equal(bus->n_new, n);
	assert_int_equal(bus->n_out_of_order, 0);
	assert_int_equal(bus->n_changed, 0);
}

void
wb_test_bus_check(struct wb_test_bus *bus, size_t n)
{
	char text[32];

	wb_test_bus_until_new(bus, n);
	(void)snprintf(text, sizeof text, "%zu", n);
	wb_test_bus_expect(bus, WB_TEST_PUBLISHED_SQL, text);
	wb_test_bus_expect(bus, WB_TEST_PENDING_SQL, "0");
	prove(bus, n);
}

size_t
wb_test_bus_check_all(struct wb_test_bus *bus)
{
	size_t n = strtoul(
	    wb_test_select(&bus->db, "SELECT count(*) FROM test_ledger"), NULL,
	    10);

	wb_test_bus_check(bus, n);
	return n;
}

/* ---- topology ---- */

static void manage(const char *method, const char *body, long least, long most,
                   const char *fmt, ...) WB_PRINTF(5, 6);

static void
manage(const char *method, const char *body, long least, long most,
       const char *fmt, ...)
{
	char path[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(path, sizeof path, fmt, ap);
	va_end(ap);
	assert_in_range(wb_test_mgmt(method, path, body, NULL), least, most);
}

void
wb_test_bus_queue(struct wb_test_bus *bus, const char *name, const char *key,
                  int limit)
{
	const char *at = bus->name;
	char body[256];

	if (limit > 0)
		(void)snprintf(
		    body, sizeof body,
		    "{\"durable\":true,\"arguments\":{\"x-max-length\":%d,"
		    "\"x-overflow\":\"reject-publish\"}}",
		    limit);
	else
		(void)snprintf(body, sizeof body, "%s",
		               "{\"durable\":true,"
		               "\"arguments\":{\"x-queue-type\":\"quorum\"}}");
	manage("DELETE", NULL, 204, 404, "/api/queues/%s/%s", at, name);
	manage("PUT", body, 201, 204, "/api/queues/%s/%s", at, name);
	if (key != NULL)
		wb_test_bus_bind(bus, name, key);
}

void
wb_test_bus_bind(struct wb_test_bus *bus, const char *queue, const char *key)
{
	char body[256];

	(void)snprintf(body, sizeof body, "{\"routing_key\":\"%s\"}", key);
	manage("POST", body, 201, 204, "/api/bindings/%s/e/" EXCHANGE "/q/%s",
	       bus->name, queue);
}

void
wb_test_bus_unbind(struct wb_test_bus *bus, const char *queue, const char *key)
{
	/* A binding without arguments has its key for a name. */
	manage("DELETE", NULL, 204, 204,
	       "/api/bindings/%s/e/" EXCHANGE "/q/%s/%s", bus->name, queue,
	       key);
}

void
wb_test_bus_exchange(struct wb_test_bus *bus)
{
	manage("PUT", "{\"type\":\"direct\",\"durable\":true}", 201, 204,
	       "/api/exchanges/%s/" EXCHANGE, bus->name);
}

void
wb_test_bus_exchange_delete(struct wb_test_bus *bus)
{
	manage("DELETE", NULL, 204, 204, "/api/exchanges/%s/" EXCHANGE,
	       bus->name);
}

void
wb_test_bus_limit(struct wb_test_bus *bus, const char *queue, int limit)
{
	char body[256];

	(void)snprintf(body, sizeof body,
	               "{\"pattern\":\"^%s$\",\"apply-to\":\"queues\","
	               "\"definition\":{\"max-length\":%d,"
	               "\"overflow\":\"reject-publish\"}}",
	               queue, limit);
	if (limit > 0)
		manage("PUT", body, 201, 204, "/api/policies/%s/limit",
		       bus->name);
	else
		manage("DELETE", NULL, 204, 404, "/api/policies/%s/limit",
		       bus->name);
}

void
wb_test_bus_purge(const struct wb_test_bus *bus, const char *queue)
{
	manage("DELETE", NULL, 204, 204, "/api/queues/%s/%s/contents",
	       bus->name, queue);
}

/* ---- life ---- */

static void
load_file(struct wb_test_bus *bus, const char *path)
{
	struct wb_buf sql = { 0 };
	char block[4096];
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	while ((n = fread(block, 1, sizeof block, file)) > 0)
		wb_buf_add(&sql, block, n);
	(void)fclose(file);
	wb_test_script(&bus->db, wb_buf_text(&sql));
	assert_int_equal(bus->db.end, WB_TX_COMMITTED);
	wb_buf_fini(&sql);
}

/* In the order of their names, which begin with numbers. */
static void
load_schema(struct wb_test_bus *bus)
{
	glob_t found;

	assert_int_equal(
	    glob(WB_SCHEMA_MESSAGING "/*_outbox*.sql", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		load_file(bus, found.gl_pathv[i]);
	globfree(&found);
}

static void
open_database(struct wb_test_bus *bus)
{
	wb_test_database_create(bus->name);
	bus->dsn = wb_test_pg_dsn_of(bus->name);
	wb_test_conn_params(&bus->db, bus->dsn);
	wb_test_conn_open(&bus->db, bus->loop, "test", NULL);
	load_schema(bus);
	wb_test_script(&bus->db, ledger_sql);
	assert_int_equal(bus->db.end, WB_TX_COMMITTED);
	wb_test_writers_open(bus);
}

void
wb_test_bus_open(struct wb_test_bus *bus, const char *name)
{
	(void)wb_test_need_env("WB_TEST_MGMT_URL");
	*bus = (struct wb_test_bus){
		.loop = wb_loop_new(),
		.first = bus,
		.source = "test",
	};
	(void)snprintf(bus->name, sizeof bus->name, "waybill_%s_%ld", name,
	               (long)getpid());
	open_database(bus);
	bus->brokers = wb_test_vhost_create(bus->name);
	wb_test_bus_exchange(bus);
	wb_test_bus_queue(bus, "events", WB_TEST_TYPE, 0);
	wb_test_consumer_open(bus);
	until(bus, &bus->n_ready, 1, "connections to the broker");
	wb_test_bus_reset(bus);
}

void
wb_test_bus_open_beside(struct wb_test_bus *bus, struct wb_test_bus *first,
                        const char *source)
{
	*bus = (struct wb_test_bus){
		.loop = first->loop,
		.first = first,
		.beside = first->beside,
	};
	first->beside = bus;
	(void)snprintf(bus->source, sizeof bus->source, "%s", source);
	(void)snprintf(bus->name, sizeof bus->name, "%.40s_%s", first->name,
	               source);
	open_database(bus);
	wb_test_consumer_reset(bus);
}

static void
empty_tables(struct wb_test_bus *bus)
{
	wb_test_script(&bus->db, "TRUNCATE outbox_events, outbox_held, "
	                         "outbox_deliveries, "
	                         "outbox_sequences, test_ledger");
	assert_int_equal(bus->db.end, WB_TX_COMMITTED);
}

void
wb_test_bus_reset(struct wb_test_bus *bus)
{
	struct wb_test_bus *each;

	wb_test_relays_kill(bus);
	for (each = bus; each != NULL; each = each->beside) {
		wb_test_writers_reset(each);
		empty_tables(each);
	}
	wb_test_bus_hold(bus, false);
	/* What is still on its way to the consumer. */
	wb_test_bus_purge(bus, "events");
	wb_test_run_for(bus->loop, 100);
	for (each = bus; each != NULL; each = each->beside)
		wb_test_consumer_reset(each);
}

static void
close_database(struct wb_test_bus *bus)
{
	wb_test_writers_close(bus);
	wb_test_conn_close(&bus->db);
	wb_test_database_drop(bus->name);
	wb_test_consumer_reset(bus);
	free(bus->dsn);
}

void
wb_test_bus_close(struct wb_test_bus *bus)
{
	struct wb_loop *loop = bus->loop;
	struct wb_test_bus *next;

	wb_test_relays_kill(bus);
	wb_test_consumer_close(bus);
	for (struct wb_test_bus *each = bus; each != NULL; each = next) {
		next = each->beside;
		close_database(each);
	}
	wb_loop_free(loop);
	wb_test_vhost_delete(bus->name);
	free(bus->brokers);
}
