/* customers-api: registering, asking, and what it refuses. */
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

#define ID         "0198f2b1-0001-7001-8a01-9e3d58a665b7"
#define ADA        "\"name\":\"Ada\",\"email\":\"ada@waybill.example\""
#define ADA_AS(id) "{\"customer_id\":\"" id "\"," ADA "}"
#define COUNTS                                                                 \
	"SELECT (SELECT count(*) FROM customers) || ',' || "                   \
	"(SELECT count(*) FROM outbox_events)"

static void
registers_a_customer(void **state)
{
	char id[37], text[128];

	(void)state;
	assert_int_equal(
	    wb_test_ask(&api, "POST", "/customers", NULL, "{" ADA "}"), 201);
	wb_test_member(&api, "customer_id", id, sizeof(id));
	(void)snprintf(text, sizeof(text), "/customers/%s", id);
	assert_string_equal(wb_test_http_value(&api.reply, "Location"), text);
	(void)snprintf(text, sizeof(text), "{\"customer_id\":\"%s\"," ADA "}",
	               id);
	assert_string_equal(api.reply.body, text);
	wb_test_sql_is(&api,
	               "SELECT concat_ws(' ', aggregate_type, aggregate_id ="
	               " customer_id::text, sequence, event_type,"
	               " payload ->> 'customer_id' = aggregate_id,"
	               " payload ->> 'name', payload ->> 'email')"
	               " FROM outbox_events, customers",
	               "customer t 1 customer.registered.v1 t Ada "
	               "ada@waybill.example");
	(void)snprintf(text, sizeof(text), "/customers/%s", id);
	assert_int_equal(wb_test_ask(&api, "GET", text, NULL, NULL), 200);
	wb_test_has(&api, ADA);
}

static void
an_id_is_taken_once(void **state)
{
	(void)state;
	assert_int_equal(
	    wb_test_ask(&api, "POST", "/customers", NULL, ADA_AS(ID)), 201);
	assert_int_equal(
	    wb_test_ask(&api, "POST", "/customers", NULL, ADA_AS(ID)), 200);
	wb_test_has(&api, "\"customer_id\":\"" ID "\"");
	(void)wb_test_ask(&api, "POST", "/customers", NULL,
	                  "{\"customer_id\":\"" ID "\",\"name\":\"Bob\","
	                  "\"email\":\"ada@waybill.example\"}");
	wb_test_is_problem(&api, 409, NULL);
	wb_test_sql_is(&api, COUNTS, "1,1");
	wb_test_sql_is(&api, "SELECT name FROM customers", "Ada");
}

static const struct {
	const char *method, *path, *body;
	int status;
	const char *pointer;
} bad_requests[] = {
	{ "POST", "/customers", "{", 400, NULL },
	{ "POST", "/customers", "7", 400, NULL },
	{ "POST", "/customers", "{}", 422, "/name" },
	{ "POST", "/customers", "{}", 422, "/email" },
	{ "POST", "/customers", "{\"name\":7,\"email\":\"a@b\"}", 422,
	  "/name" },
	{ "POST", "/customers", "{\"name\":\"a\",\"email\":\"a.b\"}", 422,
	  "/email" },
	{ "POST", "/customers", "{\"name\":\"a\",\"email\":\"a@b@c\"}", 422,
	  "/email" },
	{ "POST", "/customers", "{\"name\":\"a\",\"email\":\"a @b\"}", 422,
	  "/email" },
	{ "POST", "/customers", "{\"name\":\"a\",\"email\":\"a\303\244@b\"}",
	  422, "/email" },
	{ "POST", "/customers", "{" ADA ",\"phone\":\"1\"}", 422, "/phone" },
	{ "POST", "/customers", ADA_AS("me"), 422, "/customer_id" },
	{ "POST", "/customers", "{\"customer_id\":null," ADA "}", 422,
	  "/customer_id" },
	{ "GET", "/customers/" ID, NULL, 404, NULL },
	{ "GET", "/customers/me", NULL, 404, NULL },
	{ "GET", "/customers", NULL, 405, NULL },
	{ "PUT", "/customers/" ID, ADA_AS(ID), 405, NULL },
	{ "GET", "/", NULL, 404, NULL },
};

static void
refuses_bad_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(bad_requests); i++) {
		(void)wb_test_ask(&api, bad_requests[i].method,
		                  bad_requests[i].path, NULL,
		                  bad_requests[i].body);
		wb_test_is_problem(&api, bad_requests[i].status,
		                   bad_requests[i].pointer);
	}
	(void)wb_test_ask(&api, "POST", "/customers",
	                  "Content-Type: text/json\r\n", "{" ADA "}");
	wb_test_is_problem(&api, 415, NULL);
	wb_test_sql_is(&api, COUNTS, "0,0");
}

/* ---- the group ---- */

static int
open_api(void **state)
{
	(void)state;
	wb_test_producer_open(&api, "customers");
	wb_test_producer_start(&api, "customers-api", NULL);
	wb_test_producer_until_ready(&api, 200);
	return 0;
}

static int
empty_tables(void **state)
{
	(void)state;
	wb_test_script(&api.db, "TRUNCATE customers, outbox_events");
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
		TEST(registers_a_customer),
		TEST(an_id_is_taken_once),
		TEST(refuses_bad_requests),
	};

	(void)wb_test_pg_dsn();
	return cmocka_run_group_tests_name("customers-api", tests, open_api,
	                                   close_api);
}
