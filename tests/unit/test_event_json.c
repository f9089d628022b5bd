/* lib/event/json.h: members of event data by JSON pointer. */
#include "event/json.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char data_text[] =
    "{\"order\":{\"id\":\"0198f2b1-0a00-7000-8000-000000000001\","
    "\"lines\":[{\"sku\":\"A/1\",\"quantity\":3},{\"quantity\":1.0}],"
    "\"big\":18446744073709551615,\"max\":9223372036854775807,"
    "\"half\":0.5,\"text\":\"7\",\"none\":null,"
    "\"empty\":\"\",\"a/b\":\"slash\"}}";

static int
setup(void **state)
{
	*state = json_tokener_parse(data_text);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	json_object_put(*state);
	return 0;
}

static void
test_text(void **state)
{
	struct wb_note note = { .text = "" };
	const char *text = NULL;

	assert_int_equal(
	    wb_data_text(*state, "/order/lines/0/sku", &note, &text), WB_OK);
	assert_string_equal(text, "A/1");
	assert_int_equal(wb_data_text(*state, "/order/empty", &note, &text),
	                 WB_OK);
	assert_string_equal(text, "");
	assert_int_equal(wb_data_text(*state, "/order/a~1b", &note, &text),
	                 WB_OK);
	assert_string_equal(text, "slash");
}

static void
assert_no_text(struct json_object *object, const char *path, const char *why)
{
	struct wb_note note = { .text = "" };
	const char *text = "untouched";

	assert_int_equal(wb_data_text(object, path, &note, &text),
	                 WB_ERR_SCHEMA_VIOLATION);
	assert_string_equal(note.text, why);
	assert_string_equal(text, "untouched");
}

static void
test_text_that_is_wrong(void **state)
{
	assert_no_text(*state, "/order/sku", "/order/sku: missing");
	assert_no_text(*state, "/nothing/sku", "/nothing/sku: missing");
	assert_no_text(*state, "/order/lines/9/sku",
	               "/order/lines/9/sku: missing");
	assert_no_text(*state, "/order/none", "/order/none: must be text");
	assert_no_text(*state, "/order/half", "/order/half: must be text");
}

static void
test_uuid(void **state)
{
	struct wb_note note = { .text = "" };
	struct wb_uuid uuid;
	char text[WB_UUID_TEXT_BYTES];

	assert_int_equal(wb_data_uuid(*state, "/order/id", &note, &uuid),
	                 WB_OK);
	assert_string_equal(wb_uuid_format(&uuid, text),
	                    "0198f2b1-0a00-7000-8000-000000000001");
	assert_int_equal(wb_data_uuid(*state, "/order/text", &note, &uuid),
	                 WB_ERR_SCHEMA_VIOLATION);
	assert_string_equal(note.text, "/order/text: must be a UUID");
}

static enum wb_err
read_int(struct json_object *object, const char *path, int64_t min, int64_t max,
         int64_t *ret)
{
	struct wb_note note;

	return wb_data_int(object, path, min, max, &note, ret);
}

static void
test_int(void **state)
{
	static const char quantity[] = "/order/lines/0/quantity";
	static const char *const wrong[] = { "/order/lines/1/quantity",
		                             "/order/half", "/order/text",
		                             "/order/none", "/order/big" };
	struct wb_note note = { .text = "" };
	int64_t number = 0;

	assert_int_equal(read_int(*state, quantity, 3, 3, &number), WB_OK);
	assert_true(number == 3);
	assert_int_equal(read_int(*state, "/order/max", 0, INT64_MAX, &number),
	                 WB_OK);
	assert_true(number == INT64_MAX);
	assert_int_equal(read_int(*state, quantity, 4, 9, &number),
	                 WB_ERR_SCHEMA_VIOLATION);
	for (size_t i = 0; i < WB_ARRAY_LEN(wrong); i++)
		assert_int_equal(
		    read_int(*state, wrong[i], INT64_MIN, INT64_MAX, &number),
		    WB_ERR_SCHEMA_VIOLATION);
	assert_int_equal(wb_data_int(*state, quantity, 0, 2, &note, &number),
	                 WB_ERR_SCHEMA_VIOLATION);
	assert_string_equal(note.text,
	                    "/order/lines/0/quantity: must be from 0 to 2");
	assert_true(number == INT64_MAX);
}

static void
test_object_and_array(void **state)
{
	struct wb_note note = { .text = "" };
	struct json_object *order, *lines, *line;
	const char *sku;

	assert_int_equal(wb_data_object(*state, "/order", &note, &order),
	                 WB_OK);
	assert_int_equal(wb_data_array(order, "/lines", &note, &lines), WB_OK);
	assert_int_equal(wb_data_length(lines), 2);
	line = json_object_array_get_idx(lines, 0);
	assert_int_equal(wb_data_text(line, "/sku", &note, &sku), WB_OK);
	assert_string_equal(wb_data_print(line),
	                    "{\"sku\":\"A/1\",\"quantity\":3}");
	assert_int_equal(wb_data_object(order, "/lines", &note, &order),
	                 WB_ERR_SCHEMA_VIOLATION);
	assert_string_equal(note.text, "/lines: must be an object");
	assert_int_equal(wb_data_array(*state, "/order", &note, &lines),
	                 WB_ERR_SCHEMA_VIOLATION);
	assert_string_equal(note.text, "/order: must be an array");
}

/* What a handler carries on is what it received. */
static void
test_print_changes_no_value(void **state)
{
	static const char same[] =
	    "{\"a\":18446744073709551615,\"b\":-9223372036854775808,"
	    "\"c\":0.10,\"d\":1e999,\"e\":\"\\u0001\",\"f\":\"/é\"}";
	struct json_object *object = json_tokener_parse(same);

	(void)state;
	assert_string_equal(wb_data_print(object), same);
	json_object_put(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_that_is_wrong),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_object_and_array),
		cmocka_unit_test(test_print_changes_no_value),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
