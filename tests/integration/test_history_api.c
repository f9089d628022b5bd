/* The history's API: timelines and a customer's orders. There is no broker:
 * reading needs none. */
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

#define CUSTOMER "0198f2b1-0001-7001-8a01-9e3d58a665b7"
#define ORDER_1  "0198f2b1-0001-7002-8a02-f1c78ba5c72a"
#define ORDER_2  "0198f2b1-0002-7002-8a02-f1c78ba5c72a"
#define ORDER_3  "0198f2b1-0003-7002-8a02-f1c78ba5c72a"
#define EVENT_1  "0198f2b1-1001-7002-8a02-f1c78ba5c72a"
#define EVENT_2  "0198f2b1-1002-7002-8a02-f1c78ba5c72a"
#define EVENT_3  "0198f2b1-1003-7002-8a02-f1c78ba5c72a"

static const char rows[] =
    "INSERT INTO orders VALUES"
    " ('" ORDER_1 "', '" CUSTOMER "', 'CONFIRMED', 'EUR', 4050,"
    "  '2026-11-20 16:00:00Z', '2026-11-20 16:00:01.5Z', 1),"
    " ('" ORDER_2 "', '" CUSTOMER "', 'PENDING', 'EUR', 300,"
    "  '2026-11-20 16:00:02Z', NULL, 1),"
    " ('" ORDER_3 "', '" CUSTOMER "', 'CONFIRMED', 'EUR', 1,"
    "  '2026-11-20 16:00:03Z', '2026-11-20 16:00:04Z', 1),"
    " ('" ORDER_2 "', '" CUSTOMER "', 'CONFIRMED', 'EUR', 300,"
    "  '2026-11-20 16:00:02Z', '2026-11-20 16:00:04Z', 2);"
    "INSERT INTO order_totals VALUES"
    " (1, '2026-11-20', 'PENDING', 'EUR', 0, 3, 4351),"
    " (1, '2026-11-20', 'PENDING', 'EUR', 7, -2, -4051),"
    " (1, '2026-11-20', 'CONFIRMED', 'EUR', 7, 2, 4051),"
    " (1, '2026-11-19', 'PENDING', 'EUR', 0, 1, 5),"
    " (1, '2026-11-19', 'PENDING', 'EUR', 1, -1, -5),"
    " (1, '2026-11-19', 'REJECTED', 'GBP', 1, 1, 9223372036854775808),"
    " (2, '2026-11-19', 'REJECTED', 'GBP', 2, 1, 1);"
    "INSERT INTO order_events"
    " (event_id, order_id, source, type, sequence, occurred_at, detail,"
    "  customer_id, currency, total_minor, placed_at)"
    " SELECT e.*, '" CUSTOMER "'::uuid, 'EUR', 4050,"
    "  '2026-11-20 16:00:00Z'::timestamptz FROM (VALUES"
    " (uuid '" EVENT_3 "', uuid '" ORDER_1 "', '/shipping',"
    "  'shipment.created.v1', 1, timestamptz '2026-11-20 16:00:01Z', json "
    "'{\"a\":[1]}'),"
    " (uuid '" EVENT_2 "', uuid '" ORDER_1 "', '/orders',"
    "  'order.confirmed.v1', 2, '2026-11-20 16:00:01Z', '{}'),"
    " (uuid '" EVENT_1 "', uuid '" ORDER_1 "', '/orders', 'order.placed.v1', 1,"
    "  '2026-11-20 16:00:00.123456Z', '{}')) e";

static void
shows_a_timeline_in_order(void **state)
{
	(void)state;
	assert_int_equal(wb_test_ask(&api, "GET",
	                             "/orders/" ORDER_1 "/timeline", NULL,
	                             NULL),
	                 200);
	assert_string_equal(
	    api.reply.body,
	    "{\"items\":["
	    "{\"event_id\":\"" EVENT_1 "\","
	    "\"time\":\"2026-11-20T16:00:00.123456Z\",\"source\":\"/orders\","
	    "\"type\":\"order.placed.v1\",\"sequence\":1,\"detail\":{}},"
	    "{\"event_id\":\"" EVENT_2 "\","
	    "\"time\":\"2026-11-20T16:00:01.000000Z\",\"source\":\"/orders\","
	    "\"type\":\"order.confirmed.v1\",\"sequence\":2,\"detail\":{}},"
	    "{\"event_id\":\"" EVENT_3 "\","
	    "\"time\":\"2026-11-20T16:00:01.000000Z\",\"source\":\"/shipping\","
	    "\"type\":\"shipment.created.v1\",\"sequence\":1,"
	    "\"detail\":{\"a\":[1]}}],\"next\":null}");
}

static void
knows_of_no_such_order(void **state)
{
	(void)state;
	(void)wb_test_ask(&api, "GET", "/orders/" CUSTOMER "/timeline", NULL,
	                  NULL);
	wb_test_is_problem(&api, 404, NULL);
	(void)wb_test_ask(&api, "GET", "/orders/1/timeline", NULL, NULL);
	wb_test_is_problem(&api, 404, NULL);
}

static void
lists_a_customers_orders(void **state)
{
	static const char path[] = "/customers/" CUSTOMER "/orders";
	char text[160], next[65];

	(void)state;
	assert_int_equal(wb_test_ask(&api, "GET", path, NULL, NULL), 200);
	wb_test_has(&api, "{\"items\":[{\"order_id\":\"" ORDER_3 "\"");
	wb_test_has(&api,
	            "{\"order_id\":\"" ORDER_2 "\",\"status\":\"PENDING\","
	            "\"currency\":\"EUR\",\"total_minor\":300,"
	            "\"placed_at\":\"2026-11-20T16:00:02.000000Z\","
	            "\"ended_at\":null}");
	wb_test_has(&api, "\"ended_at\":\"2026-11-20T16:00:01.500000Z\"}],"
	                  "\"next\":null}");
	(void)snprintf(text, sizeof(text), "%s?status=CONFIRMED&limit=1", path);
	(void)wb_test_ask(&api, "GET", text, NULL, NULL);
	wb_test_has(&api, ORDER_3);
	wb_test_member(&api, "next", next, sizeof(next));
	assert_non_null(strstr(next, ORDER_3));
	(void)snprintf(text, sizeof(text),
	               "%s?status=CONFIRMED&limit=1&cursor=%s", path, next);
	(void)wb_test_ask(&api, "GET", text, NULL, NULL);
	wb_test_has(&api, ORDER_1);
	wb_test_has(&api, "\"next\":null}");
	/* from is included, to is not. */
	(void)snprintf(text, sizeof(text),
	               "%s?from=2026-11-20T16:00:00Z&to=2026-11-20T16:00:03Z",
	               path);
	(void)wb_test_ask(&api, "GET", text, NULL, NULL);
	wb_test_has(&api, "{\"items\":[{\"order_id\":\"" ORDER_2 "\"");
	wb_test_has(&api, ORDER_1);
	wb_test_has(&api, "\"next\":null}");
	(void)wb_test_ask(&api, "GET", "/customers/" ORDER_1 "/orders", NULL,
	                  NULL);
	assert_string_equal(api.reply.body, "{\"items\":[],\"next\":null}");
}

/* The pages of a list, by following Link alone. */
static void
links_to_the_next_page(void **state)
{
	static const char path[] = "/customers/" CUSTOMER "/orders";
	static const char *const pages[] = { ORDER_3, ORDER_2 };
	char text[300];

	(void)state;
	(void)snprintf(text, sizeof(text),
	               "%s?limit=1&from=2026-11-20T17:00:01%%2B01:00", path);
	for (size_t i = 0; i < WB_ARRAY_LEN(pages); i++) {
		const char *link;
		int n;

		assert_int_equal(wb_test_ask(&api, "GET", text, NULL, NULL),
		                 200);
		wb_test_has(&api, pages[i]);
		link = wb_test_http_value(&api.reply, "Link");
		if (i == WB_ARRAY_LEN(pages) - 1) {
			assert_string_equal(link, "");
			break;
		}
		assert_non_null(strstr(link, "from=2026-11-20T16:00:01.000000Z"
		                             "&limit=1&cursor="));
		assert_non_null(strstr(link, ">; rel=\"next\""));
		n = (int)strcspn(link + 1, ">");
		(void)snprintf(text, sizeof(text), "%s%.*s", path, n, link + 1);
	}
}

static void
adds_up_the_totals(void **state)
{
	(void)state;
	(void)wb_test_ask(&api, "GET",
	                  "/orders/totals?from=2026-11-19&to=2026-11-20", NULL,
	                  NULL);
	assert_string_equal(
	    api.reply.body,
	    "{\"items\":["
	    "{\"day\":\"2026-11-19\",\"status\":\"REJECTED\","
	    "\"currency\":\"GBP\",\"orders\":1,"
	    "\"total_minor\":9223372036854775808},"
	    "{\"day\":\"2026-11-20\",\"status\":\"CONFIRMED\","
	    "\"currency\":\"EUR\",\"orders\":2,\"total_minor\":4051},"
	    "{\"day\":\"2026-11-20\",\"status\":\"PENDING\","
	    "\"currency\":\"EUR\",\"orders\":1,\"total_minor\":300}],"
	    "\"next\":null}");
	(void)wb_test_ask(&api, "GET", "/orders/totals?to=2026-12-19", NULL,
	                  NULL);
	wb_test_has(&api, "2026-11-20");
	assert_null(strstr(api.reply.body, "2026-11-19"));
}

/* What the projections say follows their generation. */
static void
reads_the_generation_that_serves(void **state)
{
	static const char path[] = "/customers/" CUSTOMER "/orders";

	(void)state;
	wb_test_script(&api.db, "UPDATE projection SET serving = 2");
	(void)wb_test_ask(&api, "GET", path, NULL, NULL);
	wb_test_has(&api, ORDER_2 "\",\"status\":\"CONFIRMED\"");
	assert_null(strstr(api.reply.body, ORDER_1));
	(void)wb_test_ask(&api, "GET", "/orders/totals?to=2026-11-20", NULL,
	                  NULL);
	wb_test_has(&api, "\"orders\":1,\"total_minor\":1}],");
	wb_test_script(&api.db, "UPDATE projection SET serving = 1");
}

static void
refuses_bad_queries(void **state)
{
	static const struct {
		const char *path;
		int status;
	} bad[] = {
		{ "/customers/me/orders", 404 },
		{ "/customers/" CUSTOMER "/orders?status=confirmed", 400 },
		{ "/customers/" CUSTOMER "/orders?status=", 400 },
		{ "/customers/" CUSTOMER "/orders?limit=1000", 400 },
		{ "/customers/" CUSTOMER "/orders?cursor=1", 400 },
		{ "/customers/" CUSTOMER "/orders?cursor=." ORDER_1, 400 },
		{ "/customers/" CUSTOMER "/orders?cursor=1.x", 400 },
		{ "/customers/" CUSTOMER "/orders?cursor=1234567890123456789"
		  "." ORDER_1,
		  400 },
		{ "/customers/" CUSTOMER "/orders?from=2026-11-20", 400 },
		{ "/customers/" CUSTOMER "/orders?to=1969-11-20T16:00:00Z",
		  400 },
		{ "/orders/totals?from=2026-11-31", 400 },
		{ "/orders/totals?to=yesterday", 400 },
		{ "/orders/totals?from=2026-11-20&to=2026-11-19", 400 },
		{ "/orders/totals?from=2024-11-20&to=2026-11-19", 400 },
		{ "/orders/totals?from=0000-01-01&to=0000-01-02", 400 },
		{ "/orders/totals?to=1970-01-29", 400 },
		{ "/orders/" ORDER_1, 404 },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(bad); i++) {
		(void)wb_test_ask(&api, "GET", bad[i].path, NULL, NULL);
		wb_test_is_problem(&api, bad[i].status, NULL);
	}
	(void)wb_test_ask(&api, "POST", "/orders/" ORDER_1 "/timeline", NULL,
	                  NULL);
	wb_test_is_problem(&api, 405, NULL);
}

static int
open_api(void **state)
{
	static const char *const arguments[] = {
		"--amqp-brokers=amqp://nobody:nothing@127.0.0.1:1/none", NULL
	};

	(void)state;
	wb_test_producer_open(&api, "history");
	wb_test_script(&api.db, rows);
	assert_int_equal(api.db.end, WB_TX_COMMITTED);
	wb_test_producer_start(&api, "history", arguments);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_timeline_in_order),
		cmocka_unit_test(knows_of_no_such_order),
		cmocka_unit_test(lists_a_customers_orders),
		cmocka_unit_test(links_to_the_next_page),
		cmocka_unit_test(adds_up_the_totals),
		cmocka_unit_test(reads_the_generation_that_serves),
		cmocka_unit_test(refuses_bad_queries),
	};

	(void)wb_test_pg_dsn();
	return cmocka_run_group_tests_name("history's API", tests, open_api,
	                                   close_api);
}
