/* catalog-api: products, versions, receipts, and what it refuses. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "http/client.h"
#include "support/producer_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	wb_test_next_link(&api, "/products", path, sizeof(path));
	assert_non_null(strstr(path, next));
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
	wb_test_sql_is(
	    &api,
	    "SELECT concat_ws(' ', aggregate_id, sequence, event_type,"
	    " payload ->> 'sku', payload ->> 'quantity')"
	    " FROM outbox_events ORDER BY seq DESC LIMIT 1",
	    "MUG 2 stock.received.v1 MUG 7");
	(void)snprintf(sql, sizeof(sql),
	               "SELECT quantity FROM receipts WHERE receipt_id = '%s'",
	               id);
	wb_test_sql_is(&api, sql, "7");
}

/* ---- many at once ---- */

static size_t n_answers, n_wrong;

static void
on_response(const struct wb_http_response *response, void *arg)
{
	(void)arg;
	n_answers++;
	n_wrong += response->status != 200 && response->status != 201;
	wb_loop_stop(api.loop);
}

/* Every third one is a receipt, the others are prices. */
static void
send(struct wb_http_client *client, int n)
{
	static const char *const headers[] = { "Content-Type: application/json",
		                               NULL };
	char url[80], body[80];
	bool is_receipt = n % 3 == 0;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/products/MUG%s",
	               (unsigned)api.port, is_receipt ? "/receipts" : "");
	if (is_receipt)
		(void)snprintf(body, sizeof(body), "{\"quantity\":%d}", n + 1);
	else
		(void)snprintf(body, sizeof(body),
		               "{\"name\":\"Mug\",\"price_minor\":%d,"
		               "\"currency\":\"EUR\"}",
		               n);
	wb_http_client_send(client,
	                    &(struct wb_http_call){
	                        .method = is_receipt ? "POST" : "PUT",
	                        .url = url,
	                        .headers = headers,
	                        .body = body,
	                        .body_bytes = strlen(body),
	                        .deadline_ms = 10000,
	                    },
	                    on_response, NULL);
}

/* 90 changes of one product: the sequence has no gap, and rises with seq. */
static void
numbers_the_events_of_a_product(void **state)
{
	struct wb_http_client *client = wb_http_client_new(api.loop);

	(void)state;
	put_mug();
	n_answers = n_wrong = 0;
	for (int i = 0; i < 90; i++)
		send(client, i);
	assert_true(wb_test_run_until(api.loop, &n_answers, 90));
	wb_http_client_free(client);
	assert_int_equal(n_wrong, 0);
	wb_test_sql_is(&api, COUNTS, "1,30,91");
	wb_test_sql_is(&api, "SELECT version || ',' || sequence FROM products",
	               "61,91");
	wb_test_sql_is(&api,
	               "SELECT count(*) FROM (SELECT sequence, row_number()"
	               " OVER (ORDER BY seq) AS place FROM outbox_events) e"
	               " WHERE sequence <> place",
	               "0");
}

/* ---- lost answers: the child talks through a proxy ---- */

static void
send_and_lose(int n)
{
	struct wb_http_client *client = wb_http_client_new(api.loop);
	size_t n_before = wb_cut_proxy_swallowed(api.proxy);

	n_answers = n_wrong = 0;
	wb_cut_proxy_swallow_after(api.proxy, "wb_commit");
	send(client, n);
	assert_true(wb_test_run_until(api.loop, &n_answers, 1));
	wb_http_client_free(client);
	assert_int_equal(n_wrong, 0);
	assert_int_equal(wb_cut_proxy_swallowed(api.proxy), n_before + 1);
}

/* Run again, it finds what the first try has done. */
static void
does_once_what_it_does_twice(void **state)
{
	(void)state;
	send_and_lose(1);
	wb_test_sql_is(&api, COUNTS, "1,0,1");
	send_and_lose(2);
	wb_test_sql_is(&api, COUNTS, "1,0,2");
	send_and_lose(3);
	wb_test_sql_is(&api, COUNTS, "1,1,3");
	wb_test_sql_is(&api, "SELECT version || ',' || sequence FROM products",
	               "2,3");
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

/* ---- one connection, and one who may wait for it ---- */

/* Expired keys are deleted on a connection of the pool; not within the test. */
static void
await_first_sweep(void)
{
	static const char count[] = "SELECT count(*) FROM idempotency_keys";

	wb_test_script(&api.db,
	               "INSERT INTO idempotency_keys SELECT gen_random_uuid(),"
	               " gen_random_uuid(), 202, '', '{}', now(),"
	               " outbox_slot(now() - interval '192 h')");
	while (strcmp(wb_test_select(&api.db, count), "0") != 0)
		wb_test_run_for(api.loop, 50);
}

static int
send_text(const char *text)
{
	int fd = wb_test_http_connect(api.port);

	assert_true(wb_test_http_send(fd, text));
	return fd;
}

/* Holds the connection until let_go; returns its socket. */
static int
send_slow_put(void)
{
	char text[256];
	int fd = -1;

	wb_test_script(&api.db,
	               "CREATE FUNCTION wait_for_test() RETURNS trigger"
	               " LANGUAGE plpgsql AS $$ BEGIN"
	               " PERFORM pg_advisory_xact_lock_shared(4711);"
	               " RETURN NULL; END $$;"
	               "CREATE TRIGGER wait_for_test AFTER INSERT ON products"
	               " FOR EACH STATEMENT EXECUTE FUNCTION wait_for_test()");
	(void)wb_test_select(&api.db, "SELECT pg_advisory_lock(4711)");
	(void)snprintf(text, sizeof(text),
	               "PUT /products/CUP HTTP/1.1\r\nHost: x\r\n"
	               "Content-Type: application/json\r\n"
	               "Content-Length: %zu\r\n\r\n%s",
	               strlen(MUG), MUG);
	fd = send_text(text);
	while (strcmp(wb_test_select(&api.db,
	                             "SELECT count(*) FROM pg_stat_activity"
	                             " WHERE datname = current_database()"
	                             " AND wait_event = 'advisory'"),
	              "1") != 0)
		wb_test_run_for(api.loop, 5);
	return fd;
}

static void
reads(int fd, int status)
{
	wb_test_http_read(fd, &api.reply, true);
	assert_int_equal(api.reply.status, status);
	(void)close(fd);
}

static void
turns_away_when_too_many_wait(void **state)
{
	static const char get[] =
	    "GET /products/MUG HTTP/1.1\r\nHost: x\r\n\r\n";
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int holder = -1, refused = 0;

	(void)state;
	await_first_sweep();
	put_mug();
	holder = send_slow_put();
	fds[0].fd = send_text(get);
	fds[1].fd = send_text(get);
	/* Whichever comes second. */
	assert_int_equal(poll(fds, 2, WB_TEST_HTTP_WAIT_MS), 1);
	refused = fds[0].revents != 0 ? 0 : 1;
	reads(fds[refused].fd, 503);
	wb_test_is_problem(&api, 503, NULL);
	assert_true(wb_test_http_has_line(&api.reply, "Retry-After: 1"));
	(void)wb_test_select(&api.db, "SELECT pg_advisory_unlock(4711)");
	reads(holder, 201);
	reads(fds[1 - refused].fd, 200);
	assert_int_equal(wb_test_ask(&api, "GET", "/products/CUP", NULL, NULL),
	                 200);
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
open_narrow(void **state)
{
	static const char *const arguments[] = { "--pool-connections=1",
		                                 "--pool-waiting=1",
		                                 "--pool-wait-ms=60000", NULL };

	(void)state;
	wb_test_producer_open(&api, "catalog");
	wb_test_producer_start(&api, "catalog-api", arguments);
	wb_test_producer_until_ready(&api, 200);
	return 0;
}

static int
open_through_proxy(void **state)
{
	(void)state;
	wb_test_producer_open(&api, "catalog");
	wb_test_producer_proxy(&api);
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
		TEST(numbers_the_events_of_a_product),
		TEST(refuses_bad_requests),
	};
	const struct CMUnitTest lost_answers[] = {
		TEST(does_once_what_it_does_twice),
	};
	const struct CMUnitTest crowded[] = {
		TEST(turns_away_when_too_many_wait),
	};
	int n_failed = 0;

	(void)wb_test_pg_dsn();
	n_failed += cmocka_run_group_tests_name("catalog-api", tests, open_api,
	                                        close_api);
	n_failed += cmocka_run_group_tests_name("catalog-api, lost answers",
	                                        lost_answers,
	                                        open_through_proxy, close_api);
	n_failed += cmocka_run_group_tests_name("catalog-api, crowded", crowded,
	                                        open_narrow, close_api);
	return n_failed;
}
