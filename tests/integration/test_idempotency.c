/* Idempotency-Key, of each POST there is: one effect and one answer, whatever
 * is sent twice, at once, or cut off. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/order_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct wb_test_producer api;

static const char *const arguments[] = { "--lookup-wait-ms=100",
	                                 "--idempotency-keep-hours=48", NULL };

#define JSON_TYPE   "Content-Type: application/json\r\n"
#define WITH_KEY(k) JSON_TYPE "Idempotency-Key: " k "\r\n"
#define OTHER_BODY  BODY("\"" CUSTOMER "\"", LINES, "\"pm_slow\"", ADDRESS)
#define OF_STRANGER BODY("\"" STRANGER "\"", LINES, "\"pm_ok\"", ADDRESS)

static int
post(const char *path, const char *headers, const char *body)
{
	return wb_test_ask(&api, "POST", path, headers, body);
}

static const char *
good_body(size_t n)
{
	(void)n;
	return GOOD_BODY;
}

/* The last answer again: the same, and marked. */
static void
replays(const char *path, const char *headers, const char *body)
{
	struct wb_test_reply first = api.reply;
	char location[128];

	(void)snprintf(location, sizeof(location), "%s",
	               wb_test_http_value(&first, "Location"));
	assert_string_equal(wb_test_http_value(&first, "Idempotency-Replayed"),
	                    "");
	assert_int_equal(post(path, headers, body), first.status);
	assert_string_equal(api.reply.body, first.body);
	assert_string_equal(wb_test_http_value(&api.reply, "Location"),
	                    location);
	assert_true(
	    wb_test_http_has_line(&api.reply, "Idempotency-Replayed: true"));
}

/* ---- orders ---- */

static void
an_order_is_placed_once(void **state)
{
	(void)state;
	assert_int_equal(post("/orders", WITH_KEY("one"), GOOD_BODY), 202);
	replays("/orders", WITH_KEY("one"), GOOD_BODY);
	wb_test_sql_is(&api, COUNTS, "1,1");
	/* A string of RFC 8941 is the same key as the bare one. */
	assert_int_equal(post("/orders", WITH_KEY("\"one\""), GOOD_BODY), 202);
	wb_test_sql_is(&api, COUNTS, "1,1");
	assert_int_equal(post("/orders", WITH_KEY("two"), GOOD_BODY), 202);
	assert_int_equal(post("/orders", NULL, GOOD_BODY), 202);
	wb_test_sql_is(&api, COUNTS, "3,3");
}

static void
a_key_belongs_to_one_payload(void **state)
{
	(void)state;
	assert_int_equal(post("/orders", WITH_KEY("one"), GOOD_BODY), 202);
	(void)post("/orders", WITH_KEY("one"), OTHER_BODY);
	wb_test_is_problem(&api, 422, NULL);
	wb_test_has(&api, "/problems/idempotency-key-reused\"");
	wb_test_sql_is(&api, COUNTS, "1,1");
}

static void
bad_keys_are_refused(void **state)
{
	static const char *const bad[] = {
		WITH_KEY(""),
		WITH_KEY("\"\""),
		WITH_KEY("\"a"),
		WITH_KEY("a\""),
		WITH_KEY("a b"),
		WITH_KEY("\"a\"b"),
		WITH_KEY("\303\244"),
		WITH_KEY("\"a\\"),
		WITH_KEY("a") "Idempotency-Key: b\r\n",
	};
	char longest[400];

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(bad); i++) {
		(void)post("/orders", bad[i], GOOD_BODY);
		wb_test_is_problem(&api, 400, NULL);
	}
	(void)snprintf(longest, sizeof(longest), WITH_KEY("%0255d"), 7);
	assert_int_equal(post("/orders", longest, GOOD_BODY), 202);
	(void)snprintf(longest, sizeof(longest), WITH_KEY("%0256d"), 7);
	(void)post("/orders", longest, GOOD_BODY);
	wb_test_is_problem(&api, 400, NULL);
	wb_test_sql_is(&api, COUNTS, "1,1");
}

static void
an_error_leaves_the_key_free(void **state)
{
	(void)state;
	(void)post("/orders", WITH_KEY("one"), OF_STRANGER);
	wb_test_is_problem(&api, 422, "/customer_id");
	(void)post("/orders", WITH_KEY("one"), "{}");
	wb_test_is_problem(&api, 422, "/customer_id");
	assert_int_equal(post("/orders", WITH_KEY("one"), GOOD_BODY), 202);
	wb_test_sql_is(&api, COUNTS, "1,1");
}

static void
of_a_hundred_twins_one_takes_effect(void **state)
{
	struct wb_test_load load = { .api = &api,
		                     .n_total = 100,
		                     .n_at_once = 100,
		                     .body = good_body,
		                     .header = "Idempotency-Key: twin" };

	(void)state;
	wb_test_load_run(&load);
	assert_true(load.n_accepted >= 1);
	assert_int_equal(load.n_accepted + load.n_conflicts, 100);
	wb_test_sql_is(&api, COUNTS, "1,1");
	assert_int_equal(post("/orders", WITH_KEY("twin"), GOOD_BODY), 202);
	wb_test_sql_is(&api, COUNTS, "1,1");
	wb_test_load_fini(&load);
}

/* ---- while the first one is at work ---- */

static const char slow_trigger[] =
    "CREATE OR REPLACE FUNCTION wait_for_test() RETURNS trigger"
    " LANGUAGE plpgsql AS $$ BEGIN"
    " PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$;"
    "CREATE TRIGGER wait_for_test AFTER INSERT ON orders"
    " FOR EACH STATEMENT EXECUTE FUNCTION wait_for_test()";

static const char is_waiting[] =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock' AND wait_event = 'advisory'";

static int
send_order(const char *headers)
{
	int fd = wb_test_http_connect(api.port);
	char text[2048];

	(void)snprintf(text, sizeof(text),
	               "POST /orders HTTP/1.1\r\nHost: x\r\n"
	               "%sContent-Length: %zu\r\n\r\n%s",
	               headers, strlen(GOOD_BODY), GOOD_BODY);
	assert_true(wb_test_http_send(fd, text));
	return fd;
}

/* Sends the order, and returns its socket once its transaction stands still. */
static int
send_slow_order(const char *headers)
{
	int fd = -1;

	wb_test_script(&api.db, slow_trigger);
	(void)wb_test_select(&api.db, "SELECT pg_advisory_lock(4711)");
	fd = send_order(headers);
	while (strcmp(wb_test_select(&api.db, is_waiting), "1") != 0)
		wb_test_run_for(api.loop, 5);
	return fd;
}

static void
let_slow_order_go(void)
{
	(void)wb_test_select(&api.db, "SELECT pg_advisory_unlock(4711)");
	wb_test_script(&api.db, "DROP TRIGGER wait_for_test ON orders");
}

static void
a_key_in_flight_is_refused(void **state)
{
	int fd = send_slow_order(WITH_KEY("flying"));

	(void)state;
	(void)post("/orders", WITH_KEY("flying"), GOOD_BODY);
	wb_test_is_problem(&api, 409, NULL);
	wb_test_has(&api, "/problems/request-in-flight\"");
	assert_true(wb_test_http_has_line(&api.reply, "Retry-After: 1"));
	let_slow_order_go();
	wb_test_http_read(fd, &api.reply, true);
	assert_int_equal(api.reply.status, 202);
	replays("/orders", WITH_KEY("flying"), GOOD_BODY);
	wb_test_sql_is(&api, COUNTS, "1,1");
	(void)close(fd);
}

static bool
has_answer(int fd)
{
	struct pollfd fds = { .fd = fd, .events = POLLIN };

	return poll(&fds, 1, 50) == 1;
}

/* Also when it shared a transaction with an order that takes long: who has
 * heard an answer may ask again at once. */
static void
an_answered_key_is_not_in_flight(void **state)
{
	int n_orders = 1, n_heard = 0;
	char count[32];

	(void)state;
	assert_int_equal(post("/orders", WITH_KEY("known"), GOOD_BODY), 202);
	wb_test_script(&api.db, slow_trigger);
	for (; n_orders <= 20 || n_heard == 0; n_orders++) {
		assert_true(n_orders <= 200);
		(void)wb_test_select(&api.db, "SELECT pg_advisory_lock(4711)");
		int slow = send_order(JSON_TYPE);
		int known = send_order(WITH_KEY("known"));
		if (has_answer(known)) {
			n_heard++;
			assert_int_equal(
			    post("/orders", WITH_KEY("known"), GOOD_BODY), 202);
		}
		(void)wb_test_select(&api.db,
		                     "SELECT pg_advisory_unlock(4711)");
		wb_test_http_read(slow, &api.reply, true);
		assert_int_equal(api.reply.status, 202);
		wb_test_http_read(known, &api.reply, true);
		assert_int_equal(api.reply.status, 202);
		(void)close(slow);
		(void)close(known);
	}
	wb_test_script(&api.db, "DROP TRIGGER wait_for_test ON orders");
	(void)snprintf(count, sizeof(count), "%d,%d", n_orders, n_orders);
	wb_test_sql_is(&api, COUNTS, count);
}

/* Only the database can tell. */
static void
of_another_process_too(void **state)
{
	struct wb_test_producer second = api;
	int fd = -1;

	(void)state;
	second.pid = 0;
	(void)snprintf(second.log, sizeof(second.log), "/tmp/%.40s-2.log",
	               api.database);
	wb_test_producer_start(&second, "orders-api", NULL);
	wb_test_producer_until_ready(&second, 200);
	fd = send_slow_order(WITH_KEY("flying"));
	(void)wb_test_ask(&second, "POST", "/orders", WITH_KEY("flying"),
	                  GOOD_BODY);
	wb_test_is_problem(&second, 409, NULL);
	let_slow_order_go();
	wb_test_http_read(fd, &api.reply, true);
	assert_int_equal(api.reply.status, 202);
	assert_int_equal(wb_test_ask(&second, "POST", "/orders",
	                             WITH_KEY("flying"), GOOD_BODY),
	                 202);
	assert_string_equal(second.reply.body, api.reply.body);
	wb_test_sql_is(&api, COUNTS, "1,1");
	(void)close(fd);
	wb_test_producer_stop(&second);
	(void)unlink(second.log);
}

/* The client is gone before it hears of it, and comes again. */
static void
a_client_that_went_finds_its_answer(void **state)
{
	int fd = send_slow_order(WITH_KEY("gone"));

	(void)state;
	(void)close(fd);
	(void)post("/orders", WITH_KEY("gone"), GOOD_BODY);
	wb_test_is_problem(&api, 409, NULL);
	let_slow_order_go();
	while (post("/orders", WITH_KEY("gone"), GOOD_BODY) == 409)
		wb_test_run_for(api.loop, 5);
	assert_int_equal(api.reply.status, 202);
	assert_true(
	    wb_test_http_has_line(&api.reply, "Idempotency-Replayed: true"));
	wb_test_sql_is(&api, COUNTS, "1,1");
}

static void
clients_that_go_at_any_moment(void **state)
{
	char headers[128], count[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		(void)snprintf(headers, sizeof(headers), WITH_KEY("any-%d"), i);
		int fd = send_order(headers);
		wb_test_run_for(api.loop, i / 4);
		(void)close(fd);
		while (post("/orders", headers, GOOD_BODY) == 409)
			wb_test_run_for(api.loop, 1);
		assert_int_equal(api.reply.status, 202);
		(void)snprintf(count, sizeof(count), "%d,%d", i + 1, i + 1);
		wb_test_sql_is(&api, COUNTS, count);
	}
}

/* ---- the end of a key ---- */

static void
a_key_ends(void **state)
{
	(void)state;
	assert_int_equal(post("/orders", WITH_KEY("old"), GOOD_BODY), 202);
	wb_test_sql_is(&api,
	               "SELECT expires_at - now() BETWEEN '47 h' AND '48 h'"
	               " FROM idempotency_keys",
	               "t");
	wb_test_script(&api.db,
	               "UPDATE idempotency_keys SET expires_at = now()");
	assert_int_equal(post("/orders", WITH_KEY("old"), OTHER_BODY), 202);
	wb_test_sql_is(&api, COUNTS, "2,2");
	replays("/orders", WITH_KEY("old"), OTHER_BODY);
}

/* Also one that was stored some days ago, as long as it is kept. */
static void
a_key_of_an_earlier_day_counts(void **state)
{
	(void)state;
	assert_int_equal(post("/orders", WITH_KEY("old"), GOOD_BODY), 202);
	wb_test_script(&api.db, "UPDATE idempotency_keys SET"
	                        " slot = outbox_slot(now() - interval '47 h')");
	replays("/orders", WITH_KEY("old"), GOOD_BODY);
	wb_test_sql_is(&api, COUNTS, "1,1");
}

static void
days_that_are_over_are_given_back(void **state)
{
	(void)state;
	wb_test_script(
	    &api.db,
	    "INSERT INTO idempotency_keys SELECT gen_random_uuid(),"
	    " gen_random_uuid(), 202, '', '{}', now(), outbox_slot(now() -"
	    " days * interval '24 h') FROM generate_series(0, 9) AS days");
	wb_test_sql_is(&api, "SELECT idempotency_expire(48)", "6");
	wb_test_sql_is(&api, "SELECT count(*) FROM idempotency_keys", "4");
	wb_test_sql_is(&api, "SELECT idempotency_expire(48)", "0");
	/* And by the process itself, not long after its start. */
	wb_test_script(&api.db,
	               "INSERT INTO idempotency_keys SELECT gen_random_uuid(),"
	               " gen_random_uuid(), 202, '', '{}', now(),"
	               " outbox_slot(now() - interval '192 h')");
	wb_test_producer_stop(&api);
	wb_test_producer_start(&api, "orders-api", arguments);
	while (strcmp(wb_test_select(&api.db, "SELECT count(*) FROM"
	                                      " idempotency_keys"),
	              "4") != 0)
		wb_test_run_for(api.loop, 50);
	wb_test_producer_until_ready(&api, 200);
}

/* ---- cancellation ---- */

static void
a_cancellation_is_asked_for_once(void **state)
{
	char id[37], path[80], other[37], other_path[80];

	(void)state;
	wb_test_place(&api, id);
	wb_test_place(&api, other);
	(void)snprintf(path, sizeof(path), "/orders/%s/cancel", id);
	(void)snprintf(other_path, sizeof(other_path), "/orders/%s/cancel",
	               other);
	/* A key of one route is not that of another. */
	assert_int_equal(post("/orders", WITH_KEY("key"), GOOD_BODY), 202);
	assert_int_equal(post(path, WITH_KEY("key"), NULL), 202);
	replays(path, WITH_KEY("key"), NULL);
	wb_test_sql_is(&api, COUNTS, "3,4");
	(void)post(other_path, WITH_KEY("key"), NULL);
	wb_test_is_problem(&api, 422, NULL);
	/* As it was answered then, although it has ended since. */
	wb_test_script(&api.db, "UPDATE orders SET status = 'CANCELLED'");
	assert_int_equal(post(path, WITH_KEY("key"), NULL), 202);
	(void)post(path, WITH_KEY("later"), NULL);
	wb_test_is_problem(&api, 409, NULL);
	wb_test_sql_is(&api, COUNTS, "3,4");
}

/* ---- lost answers of the database ---- */

static void
an_answer_lost_at_any_point(void **state)
{
	static const char *const points[] = {
		"wb_begin",      "idempotency_try_lock",
		"insert_orders", "idempotency_insert",
		"wb_commit",
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(points); i++) {
		struct wb_test_load load = { .api = &api,
			                     .n_total = 1,
			                     .n_at_once = 1,
			                     .body = good_body };
		char header[64], count[16];
		size_t before = wb_cut_proxy_swallowed(api.proxy);

		(void)snprintf(header, sizeof(header), "Idempotency-Key: %s",
		               points[i]);
		load.header = header;
		wb_cut_proxy_swallow_after(api.proxy, points[i]);
		wb_test_load_run(&load);
		assert_int_equal(load.n_accepted, 1);
		assert_int_equal(wb_cut_proxy_swallowed(api.proxy), before + 1);
		wb_test_load_check(&load);
		load = (struct wb_test_load){ .api = &api,
			                      .n_total = 1,
			                      .n_at_once = 1,
			                      .header = header,
			                      .ids = load.ids,
			                      .body = good_body };
		wb_test_load_run(&load);
		assert_int_equal(load.n_accepted, 1);
		(void)snprintf(count, sizeof(count), "%zu,%zu", i + 1, i + 1);
		wb_test_sql_is(&api, COUNTS, count);
		wb_test_load_fini(&load);
	}
}

static void
many_keys_while_answers_are_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct wb_test_load load = { .api = &api,
			                     .n_total = 20,
			                     .n_at_once = 20,
			                     .body = good_body };
		char header[64], count[16];

		(void)snprintf(header, sizeof(header), "Idempotency-Key: %d",
		               i);
		load.header = header;
		wb_cut_proxy_swallow_after(api.proxy, "wb_commit");
		wb_test_load_run(&load);
		assert_true(load.n_accepted >= 1);
		assert_int_equal(load.n_accepted + load.n_conflicts, 20);
		(void)snprintf(count, sizeof(count), "%d,%d", i + 1, i + 1);
		wb_test_sql_is(&api, COUNTS, count);
		wb_test_load_fini(&load);
	}
}

/* ---- catalog and customers ---- */

static void
a_receipt_is_taken_once(void **state)
{
	static const char path[] = "/products/MUG/receipts";

	(void)state;
	wb_test_producer_open(&api, "catalog");
	wb_test_producer_start(&api, "catalog-api", NULL);
	wb_test_producer_until_ready(&api, 200);
	(void)post(path, WITH_KEY("r"), "{\"quantity\":5}");
	wb_test_is_problem(&api, 404, NULL);
	assert_int_equal(wb_test_ask(&api, "PUT", "/products/MUG", NULL,
	                             "{\"name\":\"Mug\",\"price_minor\":1,"
	                             "\"currency\":\"EUR\"}"),
	                 201);
	assert_int_equal(post(path, WITH_KEY("r"), "{\"quantity\":5}"), 201);
	replays(path, WITH_KEY("r"), "{\"quantity\":5}");
	(void)post(path, WITH_KEY("r"), "{\"quantity\":6}");
	wb_test_is_problem(&api, 422, NULL);
	wb_test_sql_is(&api, "SELECT count(*) FROM receipts", "1");
	wb_test_producer_stop(&api);
	wb_test_producer_close(&api);
}

static void
a_customer_is_registered_once(void **state)
{
	static const char body[] =
	    "{\"name\":\"Ada\",\"email\":\"a@b.example\"}";

	(void)state;
	wb_test_producer_open(&api, "customers");
	wb_test_producer_start(&api, "customers-api", NULL);
	wb_test_producer_until_ready(&api, 200);
	assert_int_equal(post("/customers", WITH_KEY("c"), body), 201);
	replays("/customers", WITH_KEY("c"), body);
	wb_test_sql_is(&api,
	               "SELECT (SELECT count(*) FROM customers) || ',' ||"
	               " (SELECT count(*) FROM outbox_events)",
	               "1,1");
	wb_test_producer_stop(&api);
	wb_test_producer_close(&api);
}

/* ---- groups ---- */

static int
open_straight(void **state)
{
	(void)state;
	wb_test_orders_open(&api, arguments);
	return 0;
}

static int
open_through_proxy(void **state)
{
	(void)state;
	wb_test_producer_open(&api, "orders");
	wb_test_orders_fill(&api);
	wb_test_producer_proxy(&api);
	wb_test_producer_start(&api, "orders-api", arguments);
	wb_test_producer_until_ready(&api, 200);
	return 0;
}

static int
empty_tables(void **state)
{
	(void)state;
	wb_test_script(&api.db,
	               "TRUNCATE orders, outbox_events, idempotency_keys");
	return 0;
}

static int
close_api(void **state)
{
	(void)state;
	wb_test_orders_close(&api);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, empty_tables)

int
main(void)
{
	const struct CMUnitTest orders[] = {
		TEST(an_order_is_placed_once),
		TEST(a_key_belongs_to_one_payload),
		TEST(bad_keys_are_refused),
		TEST(an_error_leaves_the_key_free),
		TEST(of_a_hundred_twins_one_takes_effect),
		TEST(a_key_in_flight_is_refused),
		TEST(an_answered_key_is_not_in_flight),
		TEST(of_another_process_too),
		TEST(a_client_that_went_finds_its_answer),
		TEST(clients_that_go_at_any_moment),
		TEST(a_key_ends),
		TEST(a_key_of_an_earlier_day_counts),
		TEST(a_cancellation_is_asked_for_once),
		TEST(days_that_are_over_are_given_back), /* the last */
	};
	const struct CMUnitTest lost_answers[] = {
		TEST(an_answer_lost_at_any_point),
		TEST(many_keys_while_answers_are_lost),
	};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(a_receipt_is_taken_once),
		cmocka_unit_test(a_customer_is_registered_once),
	};
	int n_failed = 0;

	(void)wb_test_pg_dsn();
	n_failed += cmocka_run_group_tests_name("keys of orders", orders,
	                                        open_straight, close_api);
	n_failed += cmocka_run_group_tests_name(
	    "keys, lost answers", lost_answers, open_through_proxy, close_api);
	n_failed +=
	    cmocka_run_group_tests_name("keys elsewhere", others, NULL, NULL);
	return n_failed;
}
