#include "capture.h"

#include "base/attr.h"
#include "base/buf.h"

#include <string.h>

#define REPLACED "\xEF\xBF\xBD" /* U+FFFD */

static void
bytes_are_appended_and_terminated(void **state)
{
	struct wb_buf buf = { .data = NULL };

	(void)state;
	assert_string_equal(wb_buf_text(&buf), "");
	wb_buf_add(&buf, NULL, 0);
	assert_string_equal(wb_buf_text(&buf), "");
	wb_buf_adds(&buf, "way");
	wb_buf_add(&buf, "bill\0x", 4);
	wb_buf_printf(&buf, "-%d-%s", 7, "end");
	assert_string_equal(wb_buf_text(&buf), "waybill-7-end");
	assert_int_equal(buf.len, strlen("waybill-7-end"));
	wb_buf_clear(&buf);
	assert_int_equal(buf.len, 0);
	assert_string_equal(wb_buf_text(&buf), "");
	wb_buf_add(&buf, "a\0b", 3);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
	wb_buf_fini(&buf);
	assert_null(buf.data);
	wb_buf_clear(&buf);
	wb_buf_fini(&buf);
}

static void
it_grows_at_each_size(void **state)
{
	struct wb_buf buf = { .data = NULL };
	size_t i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		wb_buf_printf(&buf, "%c", (char)('a' + i % 26));
		assert_int_equal(buf.len, i + 1);
		assert_true(buf.cap > buf.len);
		assert_int_equal(buf.data[buf.len], '\0');
	}
	for (i = 0; i < 5000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	wb_buf_fini(&buf);
}

static void
json_strings_are_escaped(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
		const char *json;
	} cases[] = {
		{ "", 0, "\"\"" },
		{ "plain", 5, "\"plain\"" },
		{ "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "\0\x01\x1F\x7F", 4, "\"\\u0000\\u0001\\u001f\x7F\"" },
		{ "zwölf € 😀", 15, "\"zwölf € 😀\"" },
		{ "a\xFFz", 3, "\"a" REPLACED "z\"" },
		{ "\xC0\x80", 2, "\"" REPLACED REPLACED "\"" },
		{ "\xED\xA0\x80", 3, "\"" REPLACED REPLACED REPLACED "\"" },
		{ "cut \xE2\x82", 6, "\"cut " REPLACED REPLACED "\"" },
		{ "\xF0\x9F\x98\"", 4,
		  "\"" REPLACED REPLACED REPLACED "\\\"\"" },
		{ "\x80"
		  "\n",
		  2, "\"" REPLACED "\\n\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_buf buf = { .data = NULL };

		wb_buf_add_json_string(&buf, cases[i].text, cases[i].bytes);
		assert_string_equal(wb_buf_text(&buf), cases[i].json);
		wb_buf_fini(&buf);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_appended_and_terminated),
		cmocka_unit_test(it_grows_at_each_size),
		cmocka_unit_test(json_strings_are_escaped),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
