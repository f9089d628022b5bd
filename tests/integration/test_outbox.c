/* lib/saga/outbox.h and the tables of schema/messaging on a real Postgres: in
 * which order events are stored, and what the outbox refuses. */
#include "saga/outbox.h"

#include "base/buf.h"
#include "support/pg_fixture.h"
#include "shop/events.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITERS       4
#define TX_PER_WRITER 150
#define EVENTS_PER_TX 3
#define INVALID_JSON  "22P02"
#define ANY_UUID      "0198f2b1-0a00-7000-8000-000000000001"
#define ANY_TRACEPARENT                                                        \
	"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* One connection with an outbox. */
struct writer {
	struct wb_test_conn conn;
	struct wb_outbox *outbox;
	struct wb_tx *tx;
	bool has_own_sequence;
	int left; /* transactions to be run */
};

static char database[64];

static struct {
	char *dsn;
	struct wb_loop *loop;
	struct writer writers[WRITERS];
	size_t n_finished; /* writers */
} all;

/* ---- what most tests do, on the first connection ---- */

static struct wb_test_conn *
conn(void)
{
	return &all.writers[0].conn;
}

static struct wb_outbox *
outbox(void)
{
	return all.writers[0].outbox;
}

static void
run_sql(const char *sql)
{
	wb_test_script(conn(), sql);
	if (conn()->end != WB_TX_COMMITTED)
		fail_msg("%s: %s", sql, conn()->message);
}

/* Waits for the end of the transaction, which is then in conn(). */
static void
end_with(void (*end)(struct wb_tx *tx), struct wb_tx *tx)
{
	size_t n_done = conn()->n_done;

	end(tx);
	assert_true(wb_test_run_until(all.loop, &conn()->n_done, n_done + 1));
}

static void
commit_outbox(void)
{
	struct wb_tx *tx = wb_tx_begin(conn()->pg, wb_test_on_done, conn());

	wb_outbox_write(outbox(), tx);
	wb_outbox_clear(outbox());
	assert_int_equal(wb_outbox_count(outbox()), 0);
	end_with(wb_tx_commit, tx);
}

static struct wb_outbox_event
an_event(const char *aggregate_id, int64_t sequence)
{
	static const char data[] = "{\"order\": {}}";

	return (struct wb_outbox_event){
		.id = wb_uuid_v7(),
		.type = &shop_order_placed,
		.aggregate_id = aggregate_id,
		.sequence = sequence,
		.correlation_id = "",
		.causation_id = "",
		.traceparent = "",
		.data = data,
		.data_bytes = sizeof(data) - 1,
	};
}

/* A line per event, its columns between bars, "-" for NULL. */
static void
expect_events(const char *wanted)
{
	static const char sql[] =
	    "SELECT coalesce(string_agg(concat_ws('|', aggregate_type,"
	    " aggregate_id, sequence, event_type, payload,"
	    " coalesce(correlation_id, '-'), coalesce(causation_id::text, '-'),"
	    " coalesce(traceparent, '-')), E'\\n' ORDER BY seq), '')"
	    "FROM outbox_events";

	assert_string_equal(wb_test_select(conn(), sql), wanted);
}

/* ---- order: four connections, one aggregate ---- */

static void writer_step(struct writer *writer);

static void
on_written(const struct wb_tx_outcome *outcome, void *arg)
{
	if (outcome->end != WB_TX_COMMITTED) {
		(void)fprintf(stderr, "%s\n", outcome->message);
		abort();
	}
	writer_step(arg);
}

/* first: of the sequences to be given, 0 to have them drawn. */
static void
write_events(struct writer *writer, int64_t first)
{
	for (int64_t i = 0; i < EVENTS_PER_TX; i++) {
		struct wb_outbox_event event =
		    an_event("hot", first == 0 ? 0 : first + i);

		wb_outbox_add(writer->outbox, &event);
	}
	wb_outbox_write(writer->outbox, writer->tx);
	wb_outbox_clear(writer->outbox);
	wb_tx_commit(writer->tx);
}

static void
on_drawn(const struct wb_pg_result *result, void *arg)
{
	write_events(arg, wb_pg_i64(result, 0, 0) - EVENTS_PER_TX + 1);
}

static void
writer_step(struct writer *writer)
{
	static const struct wb_pg_stmt draw = {
		.name = "draw",
		.sql = "UPDATE hot SET sequence = sequence + $1::int "
		       "RETURNING sequence",
	};
	struct wb_pg_args *args = NULL;

	if (writer->left == 0) {
		all.n_finished++;
		wb_loop_stop(all.loop);
		return;
	}
	writer->left--;
	writer->tx = wb_tx_begin(writer->conn.pg, on_written, writer);
	if (!writer->has_own_sequence) {
		write_events(writer, 0);
		return;
	}
	args = wb_pg_args_new();
	wb_pg_arg_i32(args, EVENTS_PER_TX);
	wb_tx_query(writer->tx, &draw, args, on_drawn, writer);
	wb_tx_flush(writer->tx);
	wb_pg_args_free(args);
}

/* Without gaps from 1, and seq puts them in the same order. */
static void
run_writers(bool has_own_sequence)
{
	static const char sql[] =
	    "SELECT concat_ws('|', count(*), min(sequence), max(sequence),"
	    " count(DISTINCT event_id),"
	    " count(*) FILTER (WHERE place <> sequence)) FROM "
	    "(SELECT *, row_number() OVER (ORDER BY seq) AS place"
	    " FROM outbox_events WHERE aggregate_id = 'hot') e";
	int count = WRITERS * TX_PER_WRITER * EVENTS_PER_TX;
	char wanted[64];

	all.n_finished = 0;
	for (size_t i = 0; i < WRITERS; i++) {
		all.writers[i].left = TX_PER_WRITER;
		all.writers[i].has_own_sequence = has_own_sequence;
		writer_step(&all.writers[i]);
	}
	assert_true(wb_test_run_until(all.loop, &all.n_finished, WRITERS));
	(void)snprintf(wanted, sizeof(wanted), "%d|1|%d|%d|0", count, count,
	               count);
	assert_string_equal(wb_test_select(conn(), sql), wanted);
}

static void
drawn_sequences_rise_with_seq(void **state)
{
	(void)state;
	run_writers(false);
}

static void
given_sequences_rise_with_seq(void **state)
{
	(void)state;
	run_sql("CREATE TABLE hot AS SELECT 0::bigint AS sequence");
	run_writers(true);
}

/* ---- events ---- */

static void
an_event_as_it_is_stored(void **state)
{
	struct wb_outbox_event full = an_event("A-1", 5);
	struct wb_outbox_event minimal = an_event("MUG \"1\"", 0);
	static const char data[] = "{ \"price\":1.50}, and no more";

	(void)state;
	full.correlation_id = "order 1";
	full.causation_id = ANY_UUID;
	full.traceparent = ANY_TRACEPARENT;
	minimal.type = &shop_product_upserted;
	minimal.data = data;
	minimal.data_bytes = strlen("{ \"price\":1.50}");
	wb_outbox_add(outbox(), &minimal);
	wb_outbox_add(outbox(), &full);
	assert_int_equal(wb_outbox_count(outbox()), 2);
	commit_outbox();
	assert_int_equal(conn()->err, WB_OK);
	expect_events("order|A-1|5|order.placed.v1|{\"order\": {}}|"
	              "order 1|" ANY_UUID "|" ANY_TRACEPARENT "\n"
	              "product|MUG \"1\"|1|product.upserted.v1|"
	              "{ \"price\":1.50}|-|-|-");
}

static void
an_empty_outbox_writes_nothing(void **state)
{
	(void)state;
	commit_outbox();
	assert_int_equal(conn()->end, WB_TX_COMMITTED);
	expect_events("");
}

/* What was added is still there, and its sequence was given back. */
static void
a_rollback_stores_nothing(void **state)
{
	struct wb_outbox_event event = an_event("A-1", 0);
	struct wb_tx *tx;

	(void)state;
	wb_outbox_add(outbox(), &event);
	tx = wb_tx_begin(conn()->pg, wb_test_on_done, conn());
	wb_outbox_write(outbox(), tx);
	end_with(wb_tx_rollback, tx);
	assert_int_equal(conn()->end, WB_TX_ROLLED_BACK);
	expect_events("");
	commit_outbox();
	expect_events("order|A-1|1|order.placed.v1|{\"order\": {}}|-|-|-");
}

/* First byte of md5('type:id'), modulo 8; these were computed elsewhere. */
static void
the_lane_is_the_published_formula(void **state)
{
	struct wb_outbox_event event = an_event("A-1", 1);

	(void)state;
	wb_outbox_add(outbox(), &event);
	event = an_event("MUG-01", 2);
	event.type = &shop_stock_received;
	wb_outbox_add(outbox(), &event);
	event = an_event("é", 3);
	event.type = &shop_customer_registered;
	wb_outbox_add(outbox(), &event);
	commit_outbox();
	assert_int_equal(conn()->err, WB_OK);
	assert_string_equal(
	    wb_test_select(conn(),
	                   "SELECT string_agg(aggregate_id || '=' || lane, ' '"
	                   " ORDER BY sequence) FROM outbox_events"),
	    "A-1=5 MUG-01=7 é=7");
}

static void
every_lane_is_used(void **state)
{
	(void)state;
	run_sql("INSERT INTO outbox_events"
	        " (aggregate_type, aggregate_id, event_type, payload) "
	        "SELECT 'thing', 't' || i, 'thing.made', '{}'"
	        " FROM generate_series(1, 3000) i");
	assert_string_equal(
	    wb_test_select(conn(),
	                   "SELECT concat_ws('|', count(DISTINCT e.lane),"
	                   " min(e.lane), max(e.lane), count(*) FILTER"
	                   " (WHERE l.lane IS NULL)) FROM outbox_events e"
	                   " LEFT JOIN outbox_lanes l USING (lane)"),
	    "8|0|7|0");
}

static void
a_plain_insert_needs_four_columns(void **state)
{
	static const char sql[] =
	    "SELECT bool_and(event_id IS NOT NULL AND"
	    " created_at > now() - interval '1 minute') FROM outbox_events";

	(void)state;
	for (int i = 0; i < 2; i++)
		run_sql("INSERT INTO outbox_events"
		        " (aggregate_type, aggregate_id, event_type, payload)"
		        " VALUES ('order', 'A-1', 'anything', '{\"a\": 1}')");
	expect_events("order|A-1|1|anything|{\"a\": 1}|-|-|-\n"
	              "order|A-1|2|anything|{\"a\": 1}|-|-|-");
	assert_string_equal(wb_test_select(conn(), sql), "t");
}

static void
invalid_json_is_refused(void **state)
{
	struct wb_outbox_event good = an_event("A-1", 0);
	struct wb_outbox_event bad = an_event("A-2", 0);

	(void)state;
	bad.data = "{\"order\": }";
	bad.data_bytes = strlen(bad.data);
	wb_outbox_add(outbox(), &good);
	wb_outbox_add(outbox(), &bad);
	commit_outbox();
	assert_int_equal(conn()->end, WB_TX_FAILED);
	assert_int_equal(conn()->err, WB_ERR_DB_ERROR);
	assert_string_equal(conn()->sqlstate, INVALID_JSON);
	assert_string_equal(conn()->stmt, "outbox_events");
	assert_non_null(
	    strstr(conn()->message, "invalid input syntax for type json"));
	expect_events("");
}

/* ---- deliveries ---- */

static struct wb_outbox_delivery
a_delivery(int32_t attempt)
{
	struct wb_outbox_delivery delivery = {
		.consumer = "inventory",
		.queue = "inventory",
		.routing_key = "order.placed.v1",
		.replay = "",
		.attempt = attempt,
		.content_type = "application/cloudevents+json",
		.headers = "{\"x-attempt\": 2}",
		.body = "\xFF\0\xFE",
		.body_bytes = 3,
		.delay_ms = 60000,
	};

	assert_true(wb_uuid_parse(ANY_UUID, &delivery.event_id));
	return delivery;
}

static void
a_delivery_is_stored_once(void **state)
{
	static const char sql[] =
	    "SELECT string_agg(concat_ws('|', consumer, queue, routing_key,"
	    " event_id, replay, attempt, content_type, headers,"
	    " encode(body, 'hex'), due_at - created_at BETWEEN"
	    " interval '59 s' AND interval '61 s'), E'\\n' ORDER BY attempt)"
	    " FROM outbox_deliveries WHERE published_at IS NULL";
	struct wb_outbox_delivery delivery = a_delivery(2);
	struct wb_outbox_delivery other = a_delivery(3);

	(void)state;
	other.queue = "inventory.dlq";
	other.replay = "job-1";
	other.body = NULL;
	other.body_bytes = 0;
	other.headers = "{}";
	wb_outbox_deliver(outbox(), &other);
	wb_outbox_deliver(outbox(), &delivery);
	wb_outbox_deliver(outbox(), &delivery);
	assert_int_equal(wb_outbox_count(outbox()), 3);
	commit_outbox();
	assert_int_equal(conn()->err, WB_OK);
	/* As after a commit whose outcome was not known. */
	wb_outbox_deliver(outbox(), &delivery);
	commit_outbox();
	assert_int_equal(conn()->err, WB_OK);
	assert_string_equal(
	    wb_test_select(conn(), sql),
	    "inventory|inventory|order.placed.v1|" ANY_UUID
	    "||2|application/cloudevents+json|{\"x-attempt\": 2}|ff00fe|t\n"
	    "inventory|inventory.dlq|order.placed.v1|" ANY_UUID
	    "|job-1|3|application/cloudevents+json|{}||t");
}

/* ---- the database and its connections ---- */

static void
run_file(const char *path)
{
	struct wb_buf sql = { .data = NULL };
	char chunk[4096];
	size_t bytes;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while ((bytes = fread(chunk, 1, sizeof(chunk), file)) > 0)
		wb_buf_add(&sql, chunk, bytes);
	assert_int_equal(fclose(file), 0);
	run_sql(wb_buf_text(&sql));
	wb_buf_fini(&sql);
}

static void
writer_open(struct writer *writer)
{
	wb_test_conn_params(&writer->conn, all.dsn);
	wb_test_conn_open(&writer->conn, all.loop, "test_outbox", NULL);
	writer->outbox = wb_outbox_new();
}

static int
set_up_group(void **state)
{
	(void)state;
	wb_test_database_create(database);
	all.dsn = wb_test_pg_dsn_of(database);
	all.loop = wb_loop_new();
	for (struct writer *w = all.writers; w < all.writers + WRITERS; w++)
		writer_open(w);
	run_file(WB_SCHEMA_MESSAGING "/001_outbox.sql");
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	run_sql("TRUNCATE outbox_events, outbox_deliveries, outbox_sequences");
	wb_outbox_clear(outbox());
	return 0;
}

static int
tear_down_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < WRITERS; i++) {
		wb_test_conn_close(&all.writers[i].conn);
		wb_outbox_free(all.writers[i].outbox);
	}
	wb_loop_free(all.loop);
	free(all.dsn);
	wb_test_database_drop(database);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(drawn_sequences_rise_with_seq),
		TEST(given_sequences_rise_with_seq),
		TEST(an_event_as_it_is_stored),
		TEST(an_empty_outbox_writes_nothing),
		TEST(a_rollback_stores_nothing),
		TEST(the_lane_is_the_published_formula),
		TEST(every_lane_is_used),
		TEST(a_plain_insert_needs_four_columns),
		TEST(invalid_json_is_refused),
		TEST(a_delivery_is_stored_once),
	};

	(void)wb_test_pg_dsn();
	(void)snprintf(database, sizeof(database), "test_outbox_%ld",
	               (long)getpid());
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
