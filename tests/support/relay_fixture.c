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

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "event/envelope.h"
#include "support/mgmt.h"

#define EXCHANGE "waybill.events"

/* ---- waiting ---- */

void
wb_test_bus_run_ms(struct wb_test_bus *bus, int64_t ms)
{
	wb_test_run_for(bus->loop, ms);
}

static void
until(struct wb_test_bus *bus, const size_t *counter, size_t n,
      const char *what)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;

	while (*counter < n) {
		if (bus->wrong[0] != '\0')
			fail_msg("%s", bus->wrong);
		if (wb_mono_us() > end_us)
			fail_msg("%zu of %zu %s", *counter, n, what);
		wb_test_run_for(bus->loop, 5);
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
wb_test_bus_expect(struct wb_test_bus *bus, const char *sql, const char *text)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;

	while (strcmp(wb_test_select(&bus->db, sql), text) != 0) {
		if (wb_mono_us() > end_us)
			fail_msg("%s gives %s, not %s", sql, bus->db.selected,
			         text);
		wb_test_run_for(bus->loop, 20);
	}
}

void
wb_test_bus_check(struct wb_test_bus *bus, size_t n)
{
	char text[32];

	wb_test_bus_until_new(bus, n);
	(void)snprintf(text, sizeof text, "%zu", n);
	wb_test_bus_expect(
	    bus,
	    "SELECT count(*) FILTER (WHERE published_at IS NOT NULL) "
	    "FROM outbox_events",
	    text);
	wb_test_bus_expect(bus, "SELECT count(*) FROM outbox_events", text);
	assert_int_equal(bus->n_new, n);
	assert_int_equal(bus->n_out_of_order, 0);
}

/* ---- the consumer ---- */

static void go_wrong(struct wb_test_bus *bus, const char *fmt, ...)
    WB_PRINTF(2, 3);

static void
go_wrong(struct wb_test_bus *bus, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(bus->wrong, sizeof bus->wrong, fmt, ap);
	va_end(ap);
}

static void
note_event(struct wb_test_bus *bus, const struct wb_event *event)
{
	long aggregate = strtol(event->subject + 1, NULL, 10);
	int64_t *next;

	if (aggregate < 0 || aggregate >= WB_TEST_AGGREGATES ||
	    strcmp(event->source, "/test") != 0) {
		go_wrong(bus, "an event of %s about %s", event->source,
		         event->subject);
		return;
	}
	next = &bus->next[aggregate];
	if (event->sequence < *next) {
		bus->n_duplicate++;
	} else {
		bus->n_new++;
		bus->n_out_of_order += event->sequence > *next;
		*next = event->sequence + 1;
	}
}

static void
take_event(struct wb_test_bus *bus, const struct wb_amqp_delivery *delivery)
{
	struct wb_event event;
	struct wb_note note;

	if (wb_event_parse(delivery->body, delivery->body_bytes, &note,
	                   &event) != WB_OK) {
		go_wrong(bus, "not an event: %s", note.text);
		return;
	}
	note_event(bus, &event);
	wb_event_fini(&event);
}

static void
note_headers(struct wb_test_bus *bus, const struct wb_amqp_properties *props)
{
	bus->last_header[0] = '\0';
	bus->last_number = 0;
	for (size_t i = 0; i < props->n_headers; i++) {
		const struct wb_amqp_header *header = &props->headers[i];

		if (header->text != NULL)
			(void)snprintf(bus->last_header,
			               sizeof bus->last_header, "%s",
			               header->text);
		else if (strcmp(header->name, "attempt") == 0)
			bus->last_number = header->number;
	}
}

static void
on_delivery(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_test_bus *bus = arg;

	if (strcmp(delivery->consumer_tag, "events") == 0)
		take_event(bus, delivery);
	bus->n_received++;
	(void)snprintf(bus->last_queue, sizeof bus->last_queue, "%s",
	               delivery->consumer_tag);
	(void)snprintf(bus->last_id, sizeof bus->last_id, "%s",
	               delivery->props.message_id);
	(void)snprintf(bus->last_type, sizeof bus->last_type, "%s",
	               delivery->props.type);
	note_headers(bus, &delivery->props);
	if (strlen(bus->ids) + 1 < sizeof bus->ids)
		strncat(bus->ids, delivery->props.message_id, 1);
	wb_amqp_ack(bus->channel, delivery->tag, false);
}

static void
on_channel_closed(void *arg, uint16_t code, const char *text)
{
	go_wrong(arg, "the consumer's channel was closed: %u %s", code, text);
}

static void
on_reply(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	(void)messages;
	(void)consumers;
	if (err != WB_OK)
		go_wrong(arg, "the broker answers %s", wb_err_name(err));
}

static void
on_broker_ready(void *arg)
{
	static const struct wb_amqp_channel_events events = {
		.on_closed = on_channel_closed,
		.on_delivery = on_delivery,
	};
	struct wb_test_bus *bus = arg;

	bus->channel = wb_amqp_channel_open(bus->amqp, &events, bus);
	wb_amqp_qos(bus->channel, 500, on_reply, bus);
	bus->n_ready++;
}

static void
on_broker_lost(void *arg, const char *why)
{
	go_wrong(arg, "the consumer's connection was lost: %s", why);
}

void
wb_test_bus_consume(struct wb_test_bus *bus, const char *queue)
{
	wb_amqp_consume(bus->channel, queue, queue, on_reply, bus);
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
wb_test_bus_purge(const struct wb_test_bus *bus, const char *queue)
{
	manage("DELETE", NULL, 204, 204, "/api/queues/%s/%s/contents",
	       bus->name, queue);
}

/* ---- events ---- */

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

static void write_next(struct wb_test_writer *writer);

static void
on_written(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_test_writer *writer = arg;

	/* One that failed is missing at the end. */
	if (outcome->end == WB_TX_COMMITTED && --writer->n_left > 0)
		write_next(writer);
}

/* Which aggregates a transaction takes moves on from one to the next; in one
 * order within it, so that writers never deadlock. */
static void
write_next(struct wb_test_writer *writer)
{
	static size_t n_started;
	size_t n_aggregates = writer->n_aggregates;
	size_t n_places = WB_TEST_AGGREGATES / n_aggregates;
	size_t first = n_started++ % n_places * n_aggregates;
	char sql[512];

	(void)snprintf(
	    sql, sizeof sql,
	    "INSERT INTO outbox_events (aggregate_type, aggregate_id, "
	    "event_type, payload) SELECT 'thing', 'a' || i, '" WB_TEST_TYPE
	    "', json_build_object('n', i, 'text', repeat('x', 200)) "
	    "FROM generate_series(%zu, %zu) i",
	    first, first + n_aggregates - 1);
	wb_pg_script(writer->conn.pg, sql, on_written, writer);
}

void
wb_test_write(struct wb_test_bus *bus, size_t n_transactions,
              size_t n_aggregates)
{
	for (size_t i = 0; i < WB_TEST_WRITERS; i++) {
		bus->writers[i].n_left = n_transactions / WB_TEST_WRITERS;
		bus->writers[i].n_aggregates = n_aggregates;
		write_next(&bus->writers[i]);
	}
}

/* ---- life ---- */

static void
load_schema(struct wb_test_bus *bus, const char *path)
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

static void
open_database(struct wb_test_bus *bus)
{
	wb_test_database_create(bus->name);
	bus->dsn = wb_test_pg_dsn_of(bus->name);
	wb_test_conn_params(&bus->db, bus->dsn);
	wb_test_conn_open(&bus->db, bus->loop, "test", NULL);
	load_schema(bus, WB_SCHEMA_MESSAGING "/001_outbox.sql");
	for (size_t i = 0; i < WB_TEST_WRITERS; i++) {
		wb_test_conn_params(&bus->writers[i].conn, bus->dsn);
		wb_test_conn_open(&bus->writers[i].conn, bus->loop, "writer",
		                  NULL);
	}
}

static void
open_broker(struct wb_test_bus *bus)
{
	static const struct wb_amqp_events events = {
		.on_ready = on_broker_ready,
		.on_lost = on_broker_lost,
	};
	static char none[] = "";

	bus->brokers = wb_test_vhost_create(bus->name);
	manage("PUT", "{\"type\":\"direct\",\"durable\":true}", 201, 204,
	       "/api/exchanges/%s/" EXCHANGE, bus->name);
	wb_test_bus_queue(bus, "events", WB_TEST_TYPE, 0);
	bus->amqp_params = (struct wb_amqp_params){
		.brokers = bus->brokers,
		.connect_timeout_ms = 5000,
		.rpc_timeout_ms = 5000,
		.heartbeat_s = 30,
		.reconnect_cap_ms = 1000,
		.tls_ca = none,
		.tls_cert = none,
		.tls_key = none,
	};
	bus->amqp =
	    wb_amqp_new(bus->loop, &bus->amqp_params, "test", &events, bus);
	until(bus, &bus->n_ready, 1, "connections to the broker");
	wb_test_bus_consume(bus, "events");
}

void
wb_test_bus_open(struct wb_test_bus *bus, const char *name)
{
	(void)wb_test_need_env("WB_TEST_MGMT_URL");
	*bus = (struct wb_test_bus){ .loop = wb_loop_new() };
	(void)snprintf(bus->name, sizeof bus->name, "%s", name);
	open_database(bus);
	open_broker(bus);
	wb_test_bus_reset(bus);
}

void
wb_test_bus_reset(struct wb_test_bus *bus)
{
	wb_test_relays_kill(bus);
	wb_test_script(
	    &bus->db,
	    "TRUNCATE outbox_events, outbox_deliveries, outbox_sequences");
	assert_int_equal(bus->db.end, WB_TX_COMMITTED);
	/* What is still on its way to the consumer. */
	wb_test_bus_purge(bus, "events");
	wb_test_run_for(bus->loop, 100);
	bus->n_received = bus->n_new = bus->n_duplicate = 0;
	bus->n_out_of_order = 0;
	bus->ids[0] = bus->wrong[0] = '\0';
	for (size_t i = 0; i < WB_TEST_AGGREGATES; i++)
		bus->next[i] = 1;
}

void
wb_test_bus_close(struct wb_test_bus *bus)
{
	wb_test_relays_kill(bus);
	for (size_t i = 0; i < WB_TEST_WRITERS; i++)
		wb_test_conn_close(&bus->writers[i].conn);
	wb_test_conn_close(&bus->db);
	wb_amqp_free(bus->amqp);
	wb_loop_free(bus->loop);
	wb_test_vhost_delete(bus->name);
	free(bus->dsn);
	free(bus->brokers);
}
