/* Reading request bodies field by field. */
#include "http/json_check.h"

#include "base/buf.h"
#include "http/problem.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Expects these errors, as the problem shows them. */
static void
errors_are(struct wb_http_errors *errors, size_t count, const char *text)
{
	struct wb_buf buf = { .data = NULL };

	wb_http_problem_print(&buf, &(struct wb_http_problem){
	                                .status = 422,
	                                .errors = errors,
	                            });
	assert_int_equal(wb_http_errors_count(errors), count);
	if (strstr(buf.data, text) == NULL)
		fail_msg("no %s in %s", text, buf.data);
	wb_buf_fini(&buf);
}

static void
texts_are_checked(void **state)
{
	struct wb_http_errors *errors = wb_http_errors_new();
	struct json_object *json = json_tokener_parse(
	    "{\"a\":\"abc\",\"n\":1,\"z\":null,\"l\":\"a\\nb\","
	    "\"d\":\"\\u007f\",\"e\":\"\"}");

	(void)state;
	assert_string_equal(wb_json_need_text(json, "", "a", 1, 3, errors),
	                    "abc");
	assert_string_equal(wb_json_need_text(json, "", "e", 0, 3, errors), "");
	assert_int_equal(wb_http_errors_count(errors), 0);
	assert_null(wb_json_need_text(json, "", "a", 1, 2, errors));
	errors_are(errors, 1,
	           "{\"detail\":\"must be 1 to 2 bytes long\","
	           "\"pointer\":\"/a\"}");
	assert_null(wb_json_need_text(json, "", "e", 1, 2, errors));
	assert_null(wb_json_need_text(json, "", "n", 1, 9, errors));
	errors_are(errors, 3, "\"must be a string\",\"pointer\":\"/n\"");
	assert_null(wb_json_need_text(json, "", "z", 1, 9, errors));
	assert_null(wb_json_need_text(json, "/x/0", "m/~", 1, 9, errors));
	errors_are(errors, 5, "\"is missing\",\"pointer\":\"/x/0/m~1~0\"");
	assert_null(wb_json_need_text(json, "", "l", 1, 9, errors));
	assert_null(wb_json_need_text(json, "", "d", 1, 9, errors));
	errors_are(errors, 7, "control characters");
	json_object_put(json);
	wb_http_errors_free(errors);
}

static void
integers_are_checked(void **state)
{
	struct wb_http_errors *errors = wb_http_errors_new();
	struct json_object *json = json_tokener_parse(
	    "{\"a\":5,\"s\":\"5\",\"f\":5.0,\"e\":5e0,"
	    "\"max\":9223372036854775807,\"more\":9223372036854775808,"
	    "\"much\":18446744073709551615,\"min\":-9223372036854775808,"
	    "\"vast\":123456789012345678901234567890,\"b\":true}");
	int64_t value = 77;

	(void)state;
	assert_true(wb_json_need_int(json, "", "a", 5, 5, &value, errors));
	assert_int_equal(value, 5);
	assert_true(
	    wb_json_need_int(json, "", "max", 0, INT64_MAX, &value, errors));
	assert_true(value == INT64_MAX);
	assert_true(
	    wb_json_need_int(json, "", "min", INT64_MIN, 0, &value, errors));
	assert_true(value == INT64_MIN);
	assert_int_equal(wb_http_errors_count(errors), 0);
	value = 77;
	assert_false(wb_json_need_int(json, "", "a", 6, 9, &value, errors));
	errors_are(errors, 1, "must be from 6 to 9");
	assert_false(
	    wb_json_need_int(json, "", "more", 0, INT64_MAX, &value, errors));
	assert_false(
	    wb_json_need_int(json, "", "much", 0, INT64_MAX, &value, errors));
	errors_are(errors, 3, "\"pointer\":\"/much\"");
	assert_false(
	    wb_json_need_int(json, "", "vast", 0, INT64_MAX, &value, errors));
	assert_false(wb_json_need_int(json, "", "s", 0, 9, &value, errors));
	assert_false(wb_json_need_int(json, "", "f", 0, 9, &value, errors));
	assert_false(wb_json_need_int(json, "", "e", 0, 9, &value, errors));
	assert_false(wb_json_need_int(json, "", "b", 0, 9, &value, errors));
	assert_false(wb_json_need_int(json, "", "x", 0, 9, &value, errors));
	errors_are(errors, 9, "must be an integer");
	assert_int_equal(value, 77);
	json_object_put(json);
	wb_http_errors_free(errors);
}

static void
structures_are_checked(void **state)
{
	static const char *const names[] = { "a", "o", NULL };
	struct wb_http_errors *errors = wb_http_errors_new();
	struct json_object *json =
	    json_tokener_parse("{\"a\":[1,2],\"o\":{\"p\":1},\"t/u\":0}");

	(void)state;
	assert_non_null(wb_json_need_array(json, "", "a", 1, 2, errors));
	assert_non_null(wb_json_need_object(json, "", "o", errors));
	assert_int_equal(wb_http_errors_count(errors), 0);
	assert_null(wb_json_need_array(json, "", "a", 3, 4, errors));
	errors_are(errors, 1, "must have 3 to 4 elements");
	assert_null(wb_json_need_array(json, "", "o", 0, 4, errors));
	assert_null(wb_json_need_object(json, "", "a", errors));
	errors_are(errors, 3, "must be an object");
	wb_json_only(json, "/b", names, errors);
	errors_are(errors, 4, "\"unknown field\",\"pointer\":\"/b/t~1u\"");
	json_object_put(json);
	wb_http_errors_free(errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_checked),
		cmocka_unit_test(integers_are_checked),
		cmocka_unit_test(structures_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
