/* catalog-api: products, versions, receipts, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/producer_fixture.h"

#include <stdio.h>
#include <string.h>

static struct wb_test_producer api;

#define MUG "{\"name\":\"Mug\",\"price_minor\":1250,\"currency\":\"EUR\"}"
#define COUNTS                                                                 \
	"SELECT (SELECT count(*) FROM products) || ',' || "                    \
	"(SELECT count(*) FROM receipts) || ',' || "                           \
	"(SELECT count(*) FROM outbox_events)"
#define LAST_EVENT                                                             \
	"SELECT concat_ws(' ', aggregate_type, aggregate_id, sequence,"        \
	" event_type, correlation_id, traceparent IS NOT NULL, payload)"       \
	" FROM outbox_events ORDER BY seq DESC LIMIT 1"

static void
put_mug(void)
{
	assert_int_equal(wb_test_ask(&api, "PUT", "/products/MUG", NULL, MUG),
	                 201);
}

static void
creates_a_product(void **state)
{
	(void)state;
	put_mug();
	assert_string_equal(api.reply.body,
	                    "{\"sku\":\"MUG\",\"name\":\"Mug\","
	                    "\"price_minor\":1250,\"currency\":\"EUR\","
	                    "\"version\":1}");
	wb_test_sql_is(&api, LAST_EVENT,
	               "product MUG 1 product.upserted.v1 t "
	               "{\"sku\":\"MUG\",\"name\":\"Mug\","
	               "\"price_minor\":1250,\"currency\":\"EUR\","
	               "\"version\":1}");
	assert_int_equal(wb_test_ask(&api, "GET", "/products/MUG", NULL, NULL),
	                 200);
	wb_test_has(&api, "\"price_minor\":1250");
}

static void
changes_a_product(void **state)
{
	static const char other[] = "{\"name\":\"M\303\274g \\\"2\\\"\","
	                            "\"price_minor\":0,\"currency\":\"CHF\"}";

	(void)state;
	put_mug();
	assert_int_equal(wb_test_ask(&api, "PUT", "/products/MUG", NULL, other),
	                 200);
	wb_test_has(&api, "\"version\":2}");
	wb_test_sql_is(&api, LAST_EVENT,
	               "product MUG 2 product.upserted.v1 t "
	               "{\"sku\":\"MUG\",\"name\":\"M\303\274g \\\"2\\\"\","
	               "\"price_minor\":0,\"currency\":\"CHF\",\"version\":2}");
}

static void
the_same_again_changes_nothing(void **state)
{
	(void)state;
	put_mug();
	assert_int_equal(wb_test_ask(&api, "PUT", "/products/MUG", NULL, MUG),
	                 200);
	wb_test_has(&api, "\"version\":1}");
	wb_test_sql_is(&api, COUNTS, "1,0,1");
}

static void
lists_products_in_pages(void **state)
{
	char path[128], next[65];

	(void)state;
	for (int i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof(path), "/products/S-%d", i);
		assert_int_equal(wb_test_ask(&api, "PUT", path, NULL, MUG),
		                 201);
	}
	(void)wb_test_ask(&api, "GET", "/products?limit=4", NULL, NULL);
	wb_test_has(&api, "{\"items\":[{\"sku\":\"S-0\"");
	wb_test_has(&api, "\"sku\":\"S-3\"");
	wb_test_member(&api, "next", next, sizeof(next));
	(void)snprintf(path, sizeof(path), "/products?limit=4&cursor=%s", next);
	(void)wb_test_ask(&api, "GET", path, NULL, NULL);
	wb_test_has(&api, "{\"items\":[{\"sku\":\"S-4\"");
	wb_test_has(&api, "],\"next\":null}");
	(void)wb_test_ask(&api, "GET", "/products?limit=x", NULL, NULL);
	wb_test_is_problem(&api, 400, NULL);
	(void)wb_test_ask(&api, "GET", "/products?cursor=a%20b", NULL, NULL);
	wb_test_is_problem(&api, 400, NULL);
}

static void
takes_receipts(void **state)
{
	char id[37], sql[128];

	(void)state;
	put_mug();
	assert_int_equal(wb_test_ask(&api, "POST", "/products/MUG/receipts",
	                             NULL, "{\"quantity\":7}"),
	                 201);
	wb_test_has(&api, "\"sku\":\"MUG\",\"quantity\":7}");
	wb_test_member(&api, "receipt_id", id, sizeof(id));
	wb_test_sql_is(&api, COUNTS, "1,1,2");
	wb_test_sql_is(&api,
	               "SELECT concat_ws(' ', aggregate_id, sequence, event_type,"
	               " payload ->> 'sku', payload ->> 'quantity')"
	               " FROM outbox_events ORDER BY seq DESC LIMIT 1",
	               "MUG 2 stock.received.v1 MUG 7");
	(void)snprintf(sql, sizeof(sql),
	               "SELECT quantity FROM receipts WHERE receipt_id = '%s'",
	               id);
	wb_test_sql_is(&api, sql, "7");
}

/* ---- what is refused ---- */

static const struct {
	const char *method, *path, *body;
	int status;
	const char *pointer;
} bad_requests[] = {
	{ "PUT", "/products/A", "{", 400, NULL },
	{ "PUT", "/products/A", "[]", 400, NULL },
	{ "PUT", "/products/A", "{}", 422, "/name" },
	{ "PUT", "/products/A", "{}", 422, "/price_minor" },
	{ "PUT", "/products/A", "{}", 422, "/currency" },
	{ "PUT", "/products/A",
	  "{\"name\":\"a\",\"price_minor\":-1,\"currency\":\"EUR\"}", 422,
	  "/price_minor" },
	{ "PUT", "/products/A",
	  "{\"name\":\"a\",\"price_minor\":1.5,\"currency\":\"EUR\"}", 422,
	  "/price_minor" },
	{ "PUT", "/products/A",
	  "{\"name\":\"a\",\"price_minor\":1000000000001,"
	  "\"currency\":\"EUR\"}",
	  422, "/price_minor" },
	{ "PUT", "/products/A",
	  "{\"name\":\"a\",\"price_minor\":1,\"currency\":\"eur\"}", 422,
	  "/currency" },
	{ "PUT", "/products/A",
	  "{\"name\":\"\",\"price_minor\":1,\"currency\":\"EUR\"}", 422,
	  "/name" },
	{ "PUT", "/products/A",
	  "{\"name\":\"a\",\"price_minor\":1,\"currency\":\"EUR\","
	  "\"version\":3}",
	  422, "/version" },
	{ "PUT", "/products/A%20B", MUG, 400, NULL },
	{ "PUT", "/products/A%2FB", MUG, 400, NULL },
	{ "PUT",
	  "/products/A123456789012345678901234567890123456789012345678901234567"
	  "8901234",
	  MUG, 400, NULL },
	{ "GET", "/products/NONE", NULL, 404, NULL },
	{ "GET", "/products/A%20B", NULL, 404, NULL },
	{ "DELETE", "/products/A", NULL, 405, NULL },
	{ "GET", "/product", NULL, 404, NULL },
	{ "POST", "/products/NONE/receipts", "{\"quantity\":1}", 404, NULL },
	{ "POST", "/products/MUG/receipts", "{\"quantity\":0}", 422,
	  "/quantity" },
	{ "POST", "/products/MUG/receipts", "{\"quantity\":\"1\"}", 422,
	  "/quantity" },
	{ "POST", "/products/MUG/receipts", "{\"quantity\":1000000001}", 422,
	  "/quantity" },
	{ "POST", "/products/MUG/receipts", "{\"quantity\":1,\"sku\":\"X\"}",
	  422, "/sku" },
	{ "POST", "/products/MUG/receipts", "", 400, NULL },
};

static void
refuses_bad_requests(void **state)
{
	(void)state;
	put_mug();
	for (size_t i = 0; i < WB_ARRAY_LEN(bad_requests); i++) {
		(void)wb_test_ask(&api, bad_requests[i].method,
		                  bad_requests[i].path, NULL,
		                  bad_requests[i].body);
		wb_test_is_problem(&api, bad_requests[i].status,
		                   bad_requests[i].pointer);
	}
	(void)wb_test_ask(&api, "PUT", "/products/A",
	                  "Content-Type: text/plain\r\n", MUG);
	wb_test_is_problem(&api, 415, NULL);
	wb_test_sql_is(&api, COUNTS, "1,0,1");
}

/* ---- the group ---- */

static int
open_api(void **state)
{
	(void)state;
	wb_test_producer_open(&api, "catalog");
	wb_test_producer_start(&api, "catalog-api", NULL);
	wb_test_producer_until_ready(&api, 200);
	return 0;
}

static int
empty_tables(void **state)
{
	(void)state;
	wb_test_script(&api.db, "TRUNCATE products, receipts, outbox_events");
	return 0;
}

static int
close_api(void **state)
{
	(void)state;
	wb_test_producer_stop(&api);
	wb_test_producer_close(&api);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, empty_tables)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(creates_a_product),
		TEST(changes_a_product),
		TEST(the_same_again_changes_nothing),
		TEST(lists_products_in_pages),
		TEST(takes_receipts),
		TEST(refuses_bad_requests),
	};

	(void)wb_test_pg_dsn();
	return cmocka_run_group_tests_name("catalog-api", tests, open_api,
	                                   close_api);
}
