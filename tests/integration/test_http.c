/* lib/http's server over real sockets: what it answers, what it refuses and
 * how. The server runs in a child process, which must drain and leave with 0
 * after each test. */
#include "support/http_case.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct json_object *
parse_body(void)
{
	struct json_object *json = json_tokener_parse(http.reply.body);

	if (json == NULL)
		fail_msg("no JSON: %s", http.reply.body);
	return json;
}

static void
member_is(struct json_object *json, const char *name, const char *wanted)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(json, name, &value))
		fail_msg("no %s in %s", name, http.reply.body);
	assert_string_equal(json_object_get_string(value), wanted);
}

static void
routes_answer(void **state)
{
	(void)state;
	wb_test_http_get("GET /hello" HOST END);
	wb_test_http_body_is(200, "{\"hello\":\"world\"}");
	assert_true(wb_test_http_has_line(&http.reply,
	                                  "Content-Type: application/json"));
	assert_string_not_equal(wb_test_http_value(&http.reply, "Date"), "");
	wb_test_http_get("GET /items/a%2Fb" HOST END);
	wb_test_http_body_is(200, "{\"id\":\"a/b\"}");
	assert_true(wb_test_http_has_line(&http.reply, "ETag: \"v1\""));
	assert_string_equal(wb_test_http_value(&http.reply, "X-Worse"), "");
	wb_test_http_get("PUT /items/1" HOST "Content-Length: 0\r\n" END);
	wb_test_http_body_is(200, "{}");
	wb_test_http_get("GET /query?x&q=a+b%26&q=c" HOST END);
	wb_test_http_body_is(200, "{\"q\":\"a b&\"}");
	wb_test_http_get("GET http://other/hello" HOST END);
	assert_int_equal(http.reply.status, 200);
	wb_test_http_gets_problem("GET /fail" HOST END, 500);
}

static void
paths_are_checked(void **state)
{
	(void)state;
	wb_test_http_gets_problem("GET /nothing" HOST END, 404);
	wb_test_http_gets_problem("GET /hello/" HOST END, 404);
	wb_test_http_gets_problem("GET /items/" HOST END, 404);
	wb_test_http_gets_problem("GET /items%2F1" HOST END, 404);
	wb_test_http_gets_problem("GET /hello%00" HOST END, 400);
	wb_test_http_gets_problem("GET /items/a%00b" HOST END, 400);
	wb_test_http_gets_problem("GET /items/%FF" HOST END, 400);
	wb_test_http_gets_problem("GET /items/%zz" HOST END, 400);
	wb_test_http_gets_problem("GET /items/.." HOST END, 400);
	wb_test_http_gets_problem("GET /items/%2e%2e" HOST END, 400);
	wb_test_http_gets_problem("GET /query?q=%00" HOST END, 400);
	wb_test_http_gets_problem("GET /query?q=%C0%AF" HOST END, 400);
}

static void
methods_are_checked(void **state)
{
	(void)state;
	wb_test_http_gets_problem(
	    "POST /items/1" HOST "Content-Length: 0\r\n" END, 405);
	assert_true(wb_test_http_has_line(&http.reply,
	                                  "Allow: GET, HEAD, PUT, OPTIONS"));
	wb_test_http_gets_problem("DELETE /echo" HOST END, 405);
	assert_true(wb_test_http_has_line(&http.reply, "Allow: POST, OPTIONS"));
	wb_test_http_gets_problem(
	    "PATCH /hello" HOST "Content-Length: 0\r\n" END, 405);
	wb_test_http_gets_problem("TRACE /hello" HOST END, 405);
	wb_test_http_gets_problem("BREW /hello" HOST END, 501);
	wb_test_http_gets_problem("PURGE /nothing" HOST END, 501);
	wb_test_http_get("OPTIONS /items/1" HOST END);
	assert_int_equal(http.reply.status, 204);
	assert_true(wb_test_http_has_line(&http.reply,
	                                  "Allow: GET, HEAD, PUT, OPTIONS"));
	assert_string_equal(wb_test_http_value(&http.reply, "Content-Length"),
	                    "");
	wb_test_http_get("OPTIONS *" HOST END);
	assert_int_equal(http.reply.status, 204);
	wb_test_http_gets_problem("OPTIONS /nothing" HOST END, 404);
	wb_test_http_get("CONNECT x:80" HOST END);
	wb_test_http_is_problem(400);
}

static void
head_has_no_body(void **state)
{
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(wb_test_http_send(fd, "HEAD /hello" HOST END));
	wb_test_http_read(fd, &http.reply, false);
	assert_int_equal(http.reply.status, 200);
	assert_string_equal(wb_test_http_value(&http.reply, "Content-Length"),
	                    "17");
	assert_true(wb_test_http_send(fd, "HEAD /nothing" HOST END));
	wb_test_http_read(fd, &http.reply, false);
	assert_int_equal(http.reply.status, 404);
	assert_true(wb_test_http_send(fd, "GET /hello" HOST END));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"hello\":\"world\"}");
	(void)close(fd);
}

static void
malformed_requests_get_400(void **state)
{
	(void)state;
	wb_test_http_gets_problem("nonsense\r\n\r\n", 400);
	wb_test_http_gets_problem("\x16\x03\x01\x02\r\n\r\n", 400);
	wb_test_http_gets_problem("GET /hello HTTP/9.9\r\n\r\n", 400);
	wb_test_http_gets_problem("GET /hello\r\n\r\n", 400);
	wb_test_http_gets_problem("GET /hello HTTP/1.16\r\nno colon\r\n\r\n",
	                          400);
	wb_test_http_gets_problem(
	    "GET /hello HTTP/1.2147483647\r\nno colon\r\n\r\n", 400);
	wb_test_http_gets_problem("GET /hello HTTP/1.-5\r\nno colon\r\n\r\n",
	                          400);
	wb_test_http_gets_problem("GET /hello" HOST "no colon\r\n" END, 400);
	wb_test_http_gets_problem(
	    "POST /echo" HOST "Content-Length: -1\r\n" END, 400);
	wb_test_http_gets_problem(
	    "POST /echo" HOST "Content-Length: 2x\r\n" END, 400);
	wb_test_http_gets_problem("POST /echo" HOST "Content-Length: 2\r\n"
	                          "Content-Length: 2\r\n" END "{}",
	                          400);
	wb_test_http_gets_problem("POST /echo" HOST "Content-Length: 2\r\n"
	                          "Transfer-Encoding: chunked\r\n" END
	                          "0\r\n\r\n",
	                          400);
	wb_test_http_gets_problem("POST /echo" HOST "Expect: miracles\r\n"
	                          "Content-Length: 2\r\n" END "{}",
	                          417);
	wb_test_http_gets_problem(
	    "POST /echo" HOST "Transfer-Encoding: gzip\r\n" END, 501);
}

static void
a_nul_byte_in_the_head_gets_400(void **state)
{
	static const char text[] = "GET /hello" HOST "X-A: b\0c\r\n" END;
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(wb_test_http_send_bytes(fd, text, sizeof(text) - 1));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(400);
	(void)close(fd);
}

static void
bodies_may_come_in_chunks(void **state)
{
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(wb_test_http_send(fd, "POST /echo" HOST
	                                  "Transfer-Encoding: chunked\r\n"
	                                  "Content-Type: application/json\r\n"
	                                  "Expect: 100-continue\r\n" END));
	wb_test_http_read(fd, &http.reply, true);
	assert_int_equal(http.reply.status, 100);
	assert_true(wb_test_http_send(fd, "3\r\n{\"a\r\n"));
	wb_test_sleep_ms(20);
	assert_true(wb_test_http_send(fd, "4\r\n\":1}\r\n0\r\n\r\n"));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"a\":1}");
	/* Behind chunks there is no other request. */
	assert_true(wb_test_http_has_line(&http.reply, "Connection: close"));
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	/* An error page of libevent's, behind a 100 of the same request. */
	fd = wb_test_http_connect(http.port);
	assert_true(wb_test_http_send(fd, "POST /echo" HOST
	                                  "Transfer-Encoding: chunked\r\n"
	                                  "Expect: 100-continue\r\n" END));
	wb_test_http_read(fd, &http.reply, true);
	assert_int_equal(http.reply.status, 100);
	assert_true(wb_test_http_send(fd, "zz\r\n"));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(413);
	(void)close(fd);
}

static void
post(const char *path, const char *type, const char *body)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
	               "POST %s" HOST "%s%s%sContent-Length: %zu\r\n" END "%s",
	               path, type[0] == '\0' ? "" : "Content-Type: ", type,
	               type[0] == '\0' ? "" : "\r\n", strlen(body), body);
	wb_test_http_get(text);
}

static void
content_types_are_checked(void **state)
{
	static const char *const good[] = {
		"application/json",
		"Application/JSON",
		"application/json;charset=utf-8",
		"application/json ; charset=\"UTF-8\"",
	};
	static const char *const bad[] = {
		"",
		"text/plain",
		"application/jsonx",
		"application/json-patch+json",
		"application/json; charset=latin1",
		"application/json; charset=\"utf-8",
		"application/x-www-form-urlencoded",
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(good); i++) {
		post("/echo", good[i], "{}");
		assert_int_equal(http.reply.status, 200);
	}
	for (i = 0; i < WB_ARRAY_LEN(bad); i++) {
		post("/echo", bad[i], "{}");
		wb_test_http_is_problem(415);
	}
}

static void
json_is_checked(void **state)
{
	(void)state;
	post("/echo", "application/json", "{\"a\":1}");
	wb_test_http_body_is(200, "{\"a\":1}");
	post("/echo", "application/json", "{\"a\":1,\"a\":2}");
	wb_test_http_is_problem(400);
	post("/echo", "application/json", "{\"a\":");
	wb_test_http_is_problem(400);
	post("/echo", "application/json", "");
	wb_test_http_is_problem(400);
	post("/echo", "application/json", "[]");
	wb_test_http_is_problem(400);
	post("/echo", "application/json", "{} {}");
	wb_test_http_is_problem(400);
}

static void
wrong_fields_are_pointed_at(void **state)
{
	(void)state;
	post("/check", "application/json",
	     "{\"quantity\":9223372036854775808,\"a/b\":1}");
	wb_test_http_is_problem(400);
	assert_non_null(strstr(http.reply.body, "\"pointer\":\"/sku\""));
	assert_non_null(strstr(http.reply.body, "\"pointer\":\"/quantity\""));
	assert_non_null(strstr(http.reply.body, "\"pointer\":\"/a~1b\""));
	assert_non_null(strstr(http.reply.body, "/problems/invalid-order\""));
	assert_non_null(strstr(http.reply.body, "\"instance\":\"/check\""));
}

static void
ids_are_kept_or_made(void **state)
{
	static const char trace[] =
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct json_object *json;
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text),
	               "GET /ids" HOST "X-Request-Id: abc-1.2\r\n"
	               "traceparent: %s\r\n" END,
	               trace);
	wb_test_http_get(text);
	json = parse_body();
	member_is(json, "request_id", "abc-1.2");
	member_is(json, "traceparent", trace);
	json_object_put(json);
	assert_true(
	    wb_test_http_has_line(&http.reply, "X-Request-Id: abc-1.2"));
	assert_string_equal(wb_test_http_value(&http.reply, "traceparent"),
	                    trace);
	wb_test_http_get("GET /ids" HOST "X-Request-Id: a b\"c\r\n"
	                 "traceparent: 00-00000000000000000000000000000000-"
	                 "b7ad6b7169203331-01\r\n" END);
	assert_int_equal(
	    strlen(wb_test_http_value(&http.reply, "X-Request-Id")), 36);
	assert_null(strstr(http.reply.body, "-b7ad6b7169203331-"));
	assert_int_equal(strlen(wb_test_http_value(&http.reply, "traceparent")),
	                 55);
}

/* Before anything is done; errors are problem+json all the same. */
static void
what_is_not_acceptable_gets_406(void **state)
{
	(void)state;
	wb_test_http_gets_problem("GET /hello" HOST "Accept: text/html\r\n" END,
	                          406);
	wb_test_http_gets_problem("PUT /items/1" HOST
	                          "Accept: application/json;q=0, */*\r\n"
	                          "Content-Length: 0\r\n" END,
	                          406);
	wb_test_http_get("GET /hello" HOST
	                 "Accept: text/html, */*;q=0.1\r\n" END);
	assert_int_equal(http.reply.status, 200);
	wb_test_http_gets_problem(
	    "GET /nothing" HOST "Accept: text/html\r\n" END, 404);
}

int
main(void)
{
#define WITH_SERVER(fn)                                                        \
	cmocka_unit_test_setup_teardown(fn, wb_test_http_setup,                \
	                                wb_test_http_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(routes_answer),
		WITH_SERVER(paths_are_checked),
		WITH_SERVER(methods_are_checked),
		WITH_SERVER(head_has_no_body),
		WITH_SERVER(malformed_requests_get_400),
		WITH_SERVER(a_nul_byte_in_the_head_gets_400),
		WITH_SERVER(bodies_may_come_in_chunks),
		WITH_SERVER(content_types_are_checked),
		WITH_SERVER(json_is_checked),
		WITH_SERVER(wrong_fields_are_pointed_at),
		WITH_SERVER(ids_are_kept_or_made),
		WITH_SERVER(what_is_not_acceptable_gets_406),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
