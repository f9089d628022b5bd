/* orders-api: what it refuses, and how; what it shows; cancellation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "support/orders_case.h"

#include <stdio.h>
#include <string.h>

static struct wb_test_producer api;

/* ---- what is refused ---- */

#define CUSTOMER_TEXT         "\"" CUSTOMER "\""
#define WITH_LINES(lines)     BODY(CUSTOMER_TEXT, lines, "\"pm_ok\"", ADDRESS)
#define WITH_METHOD(method)   BODY(CUSTOMER_TEXT, LINES, method, ADDRESS)
#define WITH_ADDRESS(address) BODY(CUSTOMER_TEXT, LINES, "\"pm_ok\"", address)
#define WITH_QUANTITY(n)      WITH_LINES("[{\"sku\":\"MUG\",\"quantity\":" n "}]")
#define WITH_SKU(sku)         WITH_LINES("[{\"sku\":" sku ",\"quantity\":1}]")
#define WITH_COUNTRY(country)                                                  \
	WITH_ADDRESS("{\"name\":\"a\",\"line1\":\"b\",\"city\":\"c\","         \
	             "\"postal_code\":\"\",\"country\":" country "}")

static const struct {
	int status;
	const char *pointer; /* NULL: none */
	const char *body;
} bad_bodies[] = {
	/* not JSON, or not an object */
	{ 400, NULL, "" },
	{ 400, NULL, "{" },
	{ 400, NULL, "[]" },
	{ 400, NULL, "null" },
	{ 400, NULL, GOOD_BODY " x" },
	{ 400, NULL, "{\"lines\":[],\"lines\":[]}" },
	{ 400, NULL, "{\"customer_id\":\"\377\"}" },
	{ 400, NULL, "{'customer_id':1}" },
	{ 400, NULL, WITH_METHOD("\"a\\u0000b\"") },
	{ 400, NULL, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]" },
	/* missing and unknown members */
	{ 422, "/customer_id", "{}" },
	{ 422, "/lines", "{}" },
	{ 422, "/payment_method", "{}" },
	{ 422, "/ship_to", "{}" },
	{ 422, "/total_minor",
	  "{\"total_minor\":1,\"customer_id\":\"" CUSTOMER "\"}" },
	{ 422, "/lines/0/unit_price_minor",
	  WITH_LINES("[{\"sku\":\"MUG\",\"quantity\":1,"
	             "\"unit_price_minor\":1}]") },
	{ 422, "/ship_to/phone", WITH_ADDRESS("{\"phone\":\"1\"}") },
	/* wrong types */
	{ 422, "/customer_id", BODY("1", LINES, "\"pm_ok\"", ADDRESS) },
	{ 422, "/customer_id", BODY("null", LINES, "\"pm_ok\"", ADDRESS) },
	{ 422, "/customer_id", BODY("\"me\"", LINES, "\"pm_ok\"", ADDRESS) },
	{ 422, "/lines", WITH_LINES("{}") },
	{ 422, "/lines", WITH_LINES("[]") },
	{ 422, "/lines/0", WITH_LINES("[7]") },
	{ 422, "/lines/0/sku", WITH_SKU("7") },
	{ 422, "/lines/0/sku", WITH_SKU("\"\"") },
	{ 422, "/lines/0/sku", WITH_SKU("\"MUG 1\"") },
	{ 422, "/lines/0/quantity", WITH_QUANTITY("\"3\"") },
	{ 422, "/lines/0/quantity", WITH_QUANTITY("1.0") },
	{ 422, "/lines/0/quantity", WITH_QUANTITY("true") },
	{ 422, "/payment_method", WITH_METHOD("{}") },
	{ 422, "/payment_method", WITH_METHOD("\"\"") },
	{ 422, "/payment_method", WITH_METHOD("\"a\\u0007b\"") },
	{ 422, "/ship_to", WITH_ADDRESS("\"home\"") },
	{ 422, "/ship_to/city", WITH_ADDRESS("{\"city\":[]}") },
	{ 422, "/ship_to/country", WITH_COUNTRY("\"ch\"") },
	{ 422, "/ship_to/country", WITH_COUNTRY("\"CHE\"") },
	/* quantities that nobody means */
	{ 422, "/lines/0/quantity", WITH_QUANTITY("0") },
	{ 422, "/lines/0/quantity", WITH_QUANTITY("-1") },
	{ 422, "/lines/0/quantity", WITH_QUANTITY("1000001") },
	{ 422, "/lines/0/quantity", WITH_QUANTITY("99999999999999999999") },
	/* what the replicas don't have, and what can't be one order */
	{ 422, "/customer_id",
	  BODY("\"" STRANGER "\"", LINES, "\"pm_ok\"", ADDRESS) },
	{ 422, "/lines/1/sku",
	  WITH_LINES("[{\"sku\":\"MUG\",\"quantity\":1},"
	             "{\"sku\":\"NONE\",\"quantity\":1}]") },
	{ 422, "/lines/2/sku",
	  WITH_LINES("[{\"sku\":\"MUG\",\"quantity\":1},"
	             "{\"sku\":\"TEA\",\"quantity\":1},"
	             "{\"sku\":\"MUG\",\"quantity\":2}]") },
	{ 422, "/lines/1/sku",
	  WITH_LINES("[{\"sku\":\"MUG\",\"quantity\":1},"
	             "{\"sku\":\"WATCH\",\"quantity\":1}]") },
	{ 422, "/lines/1/quantity",
	  WITH_LINES("[{\"sku\":\"TEA\",\"quantity\":1000000},"
	             "{\"sku\":\"MINE\",\"quantity\":2}]") },
};

static void
refuses_bad_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(bad_bodies); i++) {
		(void)wb_test_ask(&api, "POST", "/orders", NULL,
		                  bad_bodies[i].body);
		wb_test_is_problem(&api, bad_bodies[i].status,
		                   bad_bodies[i].pointer);
	}
	wb_test_sql_is(&api, COUNTS, "0,0");
}

static void
refuses_too_many_lines(void **state)
{
	struct wb_buf lines = { 0 }, body = { 0 };

	(void)state;
	for (int i = 0; i <= 100; i++)
		wb_buf_printf(&lines, "%s{\"sku\":\"S%d\",\"quantity\":1}",
		              i == 0 ? "" : ",", i);
	wb_buf_printf(&body, BODY(CUSTOMER_TEXT, "[%s]", "\"pm_ok\"", "%s"),
	              lines.data, ADDRESS);
	(void)wb_test_ask(&api, "POST", "/orders", NULL, body.data);
	wb_test_is_problem(&api, 422, "/lines");
	wb_buf_fini(&lines);
	wb_buf_fini(&body);
}

static void
names_all_wrong_fields_at_once(void **state)
{
	(void)state;
	(void)wb_test_ask(&api, "POST", "/orders", NULL,
	                  BODY("3", "[{\"sku\":\"MUG\",\"quantity\":0}]", "[]",
	                       "{\"city\":1}"));
	wb_test_is_problem(&api, 422, "/customer_id");
	wb_test_is_problem(&api, 422, "/lines/0/quantity");
	wb_test_is_problem(&api, 422, "/payment_method");
	wb_test_is_problem(&api, 422, "/ship_to/city");
	wb_test_is_problem(&api, 422, "/ship_to/country");
}

static void
refuses_a_wrong_content_type(void **state)
{
	(void)state;
	(void)wb_test_ask(&api, "POST", "/orders",
	                  "Content-Type: text/plain\r\n", GOOD_BODY);
	wb_test_is_problem(&api, 415, NULL);
	(void)wb_test_ask(&api, "POST", "/orders", "X-A: b\r\n", GOOD_BODY);
	wb_test_is_problem(&api, 415, NULL);
	wb_test_sql_is(&api, COUNTS, "0,0");
}

static void
refuses_too_large_a_body(void **state)
{
	struct wb_buf body = { 0 };

	(void)state;
	wb_buf_adds(&body, GOOD_BODY);
	for (int i = 0; i < 70000; i++)
		wb_buf_adds(&body, " ");
	(void)wb_test_ask(&api, "POST", "/orders", NULL, body.data);
	wb_test_is_problem(&api, 413, NULL);
	wb_test_sql_is(&api, COUNTS, "0,0");
	wb_buf_fini(&body);
}

static void
refuses_unknown_routes_and_methods(void **state)
{
	(void)state;
	(void)wb_test_ask(&api, "POST", "/order", NULL, GOOD_BODY);
	wb_test_is_problem(&api, 404, NULL);
	(void)wb_test_ask(&api, "POST", "/orders/", NULL, GOOD_BODY);
	wb_test_is_problem(&api, 404, NULL);
	(void)wb_test_ask(&api, "PUT", "/orders", NULL, GOOD_BODY);
	wb_test_is_problem(&api, 405, NULL);
	assert_non_null(
	    strstr(wb_test_http_value(&api.reply, "Allow"), "POST"));
	(void)wb_test_ask(&api, "DELETE", "/orders/" STRANGER, NULL, NULL);
	wb_test_is_problem(&api, 405, NULL);
	(void)wb_test_ask(&api, "BREW", "/orders", NULL, NULL);
	wb_test_is_problem(&api, 501, NULL);
	wb_test_sql_is(&api, COUNTS, "0,0");
}

/* ---- what is accepted ---- */

static void
accepts_an_order(void **state)
{
	char id[37], location[64];

	(void)state;
	wb_test_place(&api, id);
	(void)snprintf(location, sizeof(location), "/orders/%s", id);
	assert_string_equal(wb_test_http_value(&api.reply, "Location"),
	                    location);
	wb_test_has(&api, "\"status\":\"PENDING\",\"total_minor\":4050,"
	                  "\"currency\":\"EUR\"}");
	wb_test_sql_is(&api, COUNTS, "1,1");
	wb_test_sql_is(
	    &api,
	    "SELECT status || ' ' || total_minor || ' ' || sequence || ' ' ||"
	    " version || ' ' || deadline_at - placed_at FROM orders",
	    "PENDING 4050 1 1 00:15:00");
}

/* The event is the order as it was stored. */
static void
emits_order_placed(void **state)
{
	char id[37];

	(void)state;
	(void)wb_test_ask(&api, "POST", "/orders",
	                  "Content-Type: application/json; charset=utf-8\r\n"
	                  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"
	                  "b7ad6b7169203331-01\r\n",
	                  GOOD_BODY);
	wb_test_member(&api, "order_id", id, sizeof(id));
	wb_test_sql_is(
	    &api,
	    "SELECT concat_ws(' ', aggregate_type, aggregate_id = "
	    "order_id::text,"
	    " e.sequence, event_type, correlation_id = order_id::text,"
	    " causation_id, (payload -> 'order')::text = snapshot::text,"
	    " left(traceparent, 36)) FROM orders, outbox_events e",
	    "order t 1 order.placed.v1 t t "
	    "00-0af7651916cd43dd8448eb211c80319c-");
	wb_test_sql_is(
	    &api,
	    "SELECT snapshot::jsonb - 'order_id' - 'placed_at' ="
	    " '{\"customer_id\": \"" CUSTOMER "\", \"currency\": \"EUR\","
	    " \"total_minor\": 4050, \"payment_method\": \"pm_ok\", \"lines\":"
	    " [{\"sku\": \"MUG\", \"name\": \"Mug, \\\"big\\\"\","
	    " \"quantity\": 3, \"unit_price_minor\": 1250},"
	    " {\"sku\": \"TEA\", \"name\": \"Tea\", \"quantity\": 1,"
	    " \"unit_price_minor\": 300}], \"ship_to\": {\"name\": \"Zoë\","
	    " \"line1\": \"Königstr. 12 \\\"B\\\"\", \"city\": \"Zürich\","
	    " \"postal_code\": \"8001\", \"country\": \"CH\"}}'::jsonb"
	    " FROM orders",
	    "t");
	wb_test_sql_is(&api,
	               "SELECT (snapshot ->> 'order_id')::uuid = order_id AND"
	               " (snapshot ->> 'placed_at')::timestamptz = placed_at"
	               " FROM orders",
	               "t");
}

/* Prices are the replica's at the time; the client's would be refused. */
static void
takes_prices_from_the_replica(void **state)
{
	char id[37];

	(void)state;
	wb_test_script(&api.db,
	               "UPDATE products SET price_minor = 2000, version = 2"
	               " WHERE sku = 'MUG'");
	wb_test_place(&api, id);
	wb_test_has(&api, "\"total_minor\":6300");
	wb_test_script(&api.db,
	               "UPDATE products SET price_minor = 1250 WHERE sku = "
	               "'MUG'");
	(void)wb_test_ask(&api, "POST", "/orders", NULL,
	                  WITH_LINES("[{\"sku\":\"CARD\",\"quantity\":"
	                             "1000000}]"));
	wb_test_has(&api, "\"total_minor\":0");
	(void)wb_test_ask(&api, "POST", "/orders", NULL,
	                  WITH_LINES("[{\"sku\":\"MINE\",\"quantity\":1}]"));
	wb_test_has(&api, "\"total_minor\":9000000000000000");
}

/* ---- what is shown ---- */

static void
shows_an_order(void **state)
{
	char id[37], path[64];

	(void)state;
	wb_test_place(&api, id);
	(void)snprintf(path, sizeof(path), "/orders/%s", id);
	assert_int_equal(wb_test_ask(&api, "GET", path, NULL, NULL), 200);
	assert_string_equal(wb_test_http_value(&api.reply, "ETag"), "\"v1\"");
	wb_test_has(&api, "\"status\":\"PENDING\",\"customer_id\":\"" CUSTOMER
	                  "\",\"total_minor\":4050,\"currency\":\"EUR\","
	                  "\"lines\":[{\"sku\":\"MUG\",");
	wb_test_has(&api, "\"payment_method\":\"pm_ok\",\"cause\":null,"
	                  "\"shipment\":null,\"cancel_requested\":false,"
	                  "\"cancel_refused\":false,\"placed_at\":\"");
	assert_int_equal(wb_test_ask(&api, "GET", path,
	                             "If-None-Match: \"v0\", \"v1\"\r\n", NULL),
	                 304);
	assert_string_equal(api.reply.body, "");
	wb_test_script(&api.db,
	               "UPDATE orders SET status = 'REJECTED', version = 2,"
	               " cause = '{\"code\": \"OUT_OF_STOCK\"}'");
	assert_int_equal(
	    wb_test_ask(&api, "GET", path, "If-None-Match: \"v1\"\r\n", NULL),
	    200);
	assert_string_equal(wb_test_http_value(&api.reply, "ETag"), "\"v2\"");
	wb_test_has(&api, "\"cause\":{\"code\": \"OUT_OF_STOCK\"}");
}

static void
knows_what_it_has_not(void **state)
{
	static const char *const paths[] = { "/orders/" STRANGER, "/orders/me",
		                             "/orders/" STRANGER "x" };

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(paths); i++) {
		(void)wb_test_ask(&api, "GET", paths[i], NULL, NULL);
		wb_test_is_problem(&api, 404, NULL);
	}
}

static void
lists_orders_in_pages(void **state)
{
	static const char first[] = "/orders?limit=2&customer_id=" CUSTOMER;
	char ids[3][37], next[65], path[200];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		wb_test_place(&api, ids[i]);
	assert_int_equal(wb_test_ask(&api, "GET", first, NULL, NULL), 200);
	wb_test_has(&api, ids[2]); /* the newest first */
	wb_test_has(&api, ids[1]);
	assert_null(strstr(api.reply.body, ids[0]));
	wb_test_member(&api, "next", next, sizeof(next));
	(void)snprintf(path, sizeof(path), "%s&cursor=%s", first, next);
	assert_int_equal(wb_test_ask(&api, "GET", path, NULL, NULL), 200);
	wb_test_has(&api, ids[0]);
	/* The same by its Link. */
	assert_int_equal(wb_test_ask(&api, "GET", first, NULL, NULL), 200);
	wb_test_next_link(&api, "/orders", path, sizeof(path));
	assert_int_equal(wb_test_ask(&api, "GET", path, NULL, NULL), 200);
	assert_string_equal(wb_test_http_value(&api.reply, "Link"), "");
	wb_test_has(&api, ids[0]);
	wb_test_has(&api, "\"next\":null}");
	assert_null(strstr(api.reply.body, ids[1]));
	(void)wb_test_ask(&api, "GET", "/orders?customer_id=" STRANGER, NULL,
	                  NULL);
	assert_string_equal(api.reply.body, "{\"items\":[],\"next\":null}");
}

static void
refuses_bad_queries(void **state)
{
	static const char *const queries[] = {
		"",
		"?customer_id=me",
		"?customer_id=" CUSTOMER "&limit=0",
		"?customer_id=" CUSTOMER "&limit=101",
		"?customer_id=" CUSTOMER "&limit=-1",
		"?customer_id=" CUSTOMER "&limit=1e1",
		"?customer_id=" CUSTOMER "&cursor=x",
	};
	char path[128];

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(queries); i++) {
		(void)snprintf(path, sizeof(path), "/orders%s", queries[i]);
		(void)wb_test_ask(&api, "GET", path, NULL, NULL);
		wb_test_is_problem(&api, 400, NULL);
	}
}

/* ---- cancellation ---- */

static void
requests_a_cancellation_once(void **state)
{
	char id[37], path[80];

	(void)state;
	wb_test_place(&api, id);
	(void)snprintf(path, sizeof(path), "/orders/%s/cancel", id);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wb_test_ask(&api, "POST", path, NULL, NULL),
		                 202);
		wb_test_has(&api, "\"status\":\"PENDING\","
		                  "\"cancel_requested\":true}");
	}
	assert_int_equal(wb_test_ask(&api, "POST", path, NULL, "{}"), 202);
	wb_test_sql_is(&api, COUNTS, "1,2");
	wb_test_sql_is(
	    &api,
	    "SELECT concat_ws(' ', e.sequence, o.sequence, correlation_id ="
	    " aggregate_id, (payload -> 'order')::text = snapshot::text,"
	    " payload -> 'cause' ->> 'code', payload -> 'cause' ->> 'step')"
	    " FROM outbox_events e, orders o"
	    " WHERE event_type = 'order.cancel_requested.v1'",
	    "2 2 t t CUSTOMER_REQUEST orders");
	path[strlen(path) - strlen("/cancel")] = '\0';
	(void)wb_test_ask(&api, "GET", path, NULL, NULL);
	wb_test_has(&api, "\"cancel_requested\":true");
}

static void
refuses_some_cancellations(void **state)
{
	char id[37], path[80];

	(void)state;
	wb_test_place(&api, id);
	(void)snprintf(path, sizeof(path), "/orders/%s/cancel", id);
	(void)wb_test_ask(&api, "POST", path, NULL, "{\"why\":1}");
	wb_test_is_problem(&api, 422, "/why");
	(void)wb_test_ask(&api, "POST", path, NULL, "{");
	wb_test_is_problem(&api, 400, NULL);
	wb_test_script(&api.db, "UPDATE orders SET status = 'CONFIRMED'");
	(void)wb_test_ask(&api, "POST", path, NULL, NULL);
	wb_test_is_problem(&api, 409, NULL);
	wb_test_has(&api, "CONFIRMED");
	(void)wb_test_ask(&api, "POST", "/orders/" STRANGER "/cancel", NULL,
	                  NULL);
	wb_test_is_problem(&api, 404, NULL);
	(void)wb_test_ask(&api, "POST", "/orders/me/cancel", NULL, NULL);
	wb_test_is_problem(&api, 404, NULL);
	wb_test_sql_is(&api, COUNTS, "1,1");
}

/* ---- the group ---- */

static int
open_api(void **state)
{
	static const char *const arguments[] = { "--lookup-wait-ms=100", NULL };

	(void)state;
	wb_test_orders_open(&api, arguments);
	return 0;
}

static int
empty_tables(void **state)
{
	(void)state;
	wb_test_script(&api.db, "TRUNCATE orders, outbox_events");
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
	const struct CMUnitTest tests[] = {
		TEST(refuses_bad_bodies),
		TEST(refuses_too_many_lines),
		TEST(names_all_wrong_fields_at_once),
		TEST(refuses_a_wrong_content_type),
		TEST(refuses_too_large_a_body),
		TEST(refuses_unknown_routes_and_methods),
		TEST(accepts_an_order),
		TEST(emits_order_placed),
		TEST(takes_prices_from_the_replica),
		TEST(shows_an_order),
		TEST(knows_what_it_has_not),
		TEST(lists_orders_in_pages),
		TEST(refuses_bad_queries),
		TEST(requests_a_cancellation_once),
		TEST(refuses_some_cancellations),
	};

	(void)wb_test_pg_dsn();
	return cmocka_run_group_tests_name("orders-api", tests, open_api,
	                                   close_api);
}
