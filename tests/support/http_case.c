#include "support/http_case.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct wb_test_http_case http;

int
wb_test_http_setup(void **state)
{
	(void)state;
	http.params = wb_test_http_params();
	http.pid = wb_test_http_start(&http.params, &http.port);
	return 0;
}

int
wb_test_http_teardown(void **state)
{
	(void)state;
	assert_int_equal(wb_test_http_stop(http.pid), 0);
	return 0;
}

void
wb_test_http_get(const char *text)
{
	wb_test_http_ask(http.port, text, &http.reply);
}

void
wb_test_http_body_is(int status, const char *body)
{
	assert_int_equal(http.reply.status, status);
	assert_string_equal(http.reply.body, body);
}

void
wb_test_http_is_problem(int status)
{
	struct json_object *json, *value = NULL;

	assert_int_equal(http.reply.status, status);
	assert_true(wb_test_http_has_line(
	    &http.reply, "Content-Type: application/problem+json"));
	json = json_tokener_parse(http.reply.body);
	if (json == NULL)
		fail_msg("no JSON: %s", http.reply.body);
	assert_true(json_object_object_get_ex(json, "status", &value));
	assert_int_equal(json_object_get_int(value), status);
	assert_true(json_object_object_get_ex(json, "type", &value));
	assert_true(json_object_object_get_ex(json, "title", &value));
	assert_true(json_object_object_get_ex(json, "request_id", &value));
	assert_string_equal(json_object_get_string(value),
	                    wb_test_http_value(&http.reply, "X-Request-Id"));
	json_object_put(json);
}

void
wb_test_http_gets_problem(const char *text, int status)
{
	wb_test_http_get(text);
	if (http.reply.status != status)
		fail_msg("%.60s: %d instead of %d", text, http.reply.status,
		         status);
	wb_test_http_is_problem(status);
}

void
wb_test_sleep_ms(long ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&pause, NULL);
}
