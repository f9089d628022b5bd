/* Which texts are JSON that says one thing to everybody. */
#include "capture.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/json_scan.h"
#include "base/json_string.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 4

static const struct wb_json_rules narrow = { .max_depth = DEPTH };
static const struct wb_json_rules wide = {
	.max_depth = DEPTH,
	.has_wide_integers = true,
};

static void
good_texts_are_taken(void **state)
{
	static const char *const texts[] = {
		"{}",
		" \r\n\t{ } \n",
		"{\"a\":1}",
		"{ \"a\" : [ ] , \"b\" : [ 1 , { } ] }",
		"{\"a:b\":\":\\\":\",\"c\":[{\"d\":1},{\"d\":2}]}",
		"{\"NaN\":\"Infinity\",\"b\":[true,false,null]}",
		"{\"a\":-0,\"b\":[0,1.5e-3,0.10E+05,1e0,1E5,1e999]}",
		"{\"a\":123456789012345678901234567890.5}",
		"{\"a\":18446744073709551615,\"b\":-9223372036854775808}",
		"{\"a\":\"\\u00e9\\uD83D\\ude00\\\\u0000\\\"\\/\\b\\f\\n\"}",
		"{\"a\":\"\xC3\xA9 \xF0\x9F\x98\x80 \x7F\"}",
		"{\"\":1,\" \":2}",
		"{\"a\":{\"a\":{\"a\":{}}},\"b\":[[[]]]}",
		"{\"a\":[[[1]]],\"b\":{\"c\":{\"d\":{\"e\":1}}}}",
		"{\"a\":{\"b\":1,\"c\":1},\"b\":{\"a\":1,\"c\":1}}",
		"{\"ab\":1,\"a\":2,\"abc\":3,\"A\":4,\"\":5}",
	};
	struct wb_note note;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(texts); i++) {
		if (wb_json_scan(texts[i], strlen(texts[i]), &narrow, &note) !=
		    WB_OK)
			fail_msg("%s: %s", texts[i], note.text);
	}
}

/* Also with everything behind the end of the text being unreadable. */
static void
assert_refused(const char *text, size_t bytes, const char *why)
{
	char *exact = malloc(bytes > 0 ? bytes : 1);
	struct wb_note note = { .text = "" };

	assert_non_null(exact);
	memcpy(exact, text, bytes);
	assert_int_equal(wb_json_scan(exact, bytes, &narrow, &note),
	                 WB_ERR_BAD_MESSAGE);
	if (strcmp(note.text, why) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", text, note.text, why);
	free(exact);
}

struct bad_text {
	const char *text, *why;
};

static void
all_are_refused(const struct bad_text *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_refused(rows[i].text, strlen(rows[i].text), rows[i].why);
}

static void
bad_structure_is_refused(void **state)
{
	static const struct bad_text rows[] = {
		{ "", "at byte 0: not a JSON object" },
		{ "  ", "at byte 2: not a JSON object" },
		{ "null", "at byte 0: not a JSON object" },
		{ "\"a\"", "at byte 0: not a JSON object" },
		{ "[{}]", "at byte 0: not a JSON object" },
		{ "\xEF\xBB\xBF{}", "at byte 0: not a JSON object" },
		{ "{", "at byte 1: the text ends too early" },
		{ "{\"a\":", "at byte 5: the text ends too early" },
		{ "{\"a\":1", "at byte 6: the text ends too early" },
		{ "{\"a\":1, ", "at byte 8: the text ends too early" },
		{ "{\"a\":[", "at byte 6: the text ends too early" },
		{ "{\"a\"", "at byte 4: a name without a colon" },
		{ "{\"a\" 1}", "at byte 5: a name without a colon" },
		{ "{}}", "at byte 2: an unexpected character" },
		{ "{}{}", "at byte 2: an unexpected character" },
		{ "{} x", "at byte 3: an unexpected character" },
		{ "{,}", "at byte 1: an unexpected character" },
		{ "{a:1}", "at byte 1: an unexpected character" },
		{ "{'a':1}", "at byte 1: an unexpected character" },
		{ "{1:1}", "at byte 1: an unexpected character" },
		{ "{\"a\":}", "at byte 5: an unexpected character" },
		{ "{\"a\":1,}", "at byte 7: an unexpected character" },
		{ "{\"a\":1]", "at byte 6: an unexpected character" },
		{ "{\"a\":1 2}", "at byte 7: an unexpected character" },
		{ "{\"a\":[1,]}", "at byte 8: an unexpected character" },
		{ "{\"a\":[,1]}", "at byte 6: an unexpected character" },
		{ "{\"a\":[1}", "at byte 7: an unexpected character" },
		{ "{\"a\":1}//c", "at byte 7: an unexpected character" },
		{ "{/**/\"a\":1}", "at byte 1: an unexpected character" },
		{ "{\xC2\xA0}", "at byte 1: an unexpected character" },
		{ "{\f}", "at byte 1: an unexpected character" },
		{ "{\"a\":[[[[1]]]]}", "at byte 8: nesting too deep" },
		{ "{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}",
		  "at byte 20: nesting too deep" },
	};

	(void)state;
	all_are_refused(rows, WB_ARRAY_LEN(rows));
}

static void
bad_values_are_refused(void **state)
{
	static const struct bad_text rows[] = {
		{ "{\"a\":NaN}", "at byte 5: an unexpected character" },
		{ "{\"a\":nan}", "at byte 5: an unexpected character" },
		{ "{\"a\":Infinity}", "at byte 5: an unexpected character" },
		{ "{\"a\":True}", "at byte 5: an unexpected character" },
		{ "{\"a\":nul}", "at byte 5: an unexpected character" },
		{ "{\"a\":nul", "at byte 5: an unexpected character" },
		{ "{\"a\":nulls}", "at byte 9: an unexpected character" },
		{ "{\"a\":+1}", "at byte 5: an unexpected character" },
		{ "{\"a\":.5}", "at byte 5: an unexpected character" },
		{ "{\"a\":0x1}", "at byte 6: an unexpected character" },
		{ "{\"a\":1-2}", "at byte 6: an unexpected character" },
		{ "{\"a\":-}", "at byte 6: a number without digits" },
		{ "{\"a\":-Infinity}", "at byte 6: a number without digits" },
		{ "{\"a\":-.5}", "at byte 6: a number without digits" },
		{ "{\"a\":01}", "at byte 6: a number with a leading zero" },
		{ "{\"a\":-00}", "at byte 7: a number with a leading zero" },
		{ "{\"a\":1.}",
		  "at byte 7: a number without digits after its point" },
		{ "{\"a\":1.e3}",
		  "at byte 7: a number without digits after its point" },
		{ "{\"a\":1e}",
		  "at byte 7: a number without digits in its exponent" },
		{ "{\"a\":1E+",
		  "at byte 8: a number without digits in its exponent" },
		{ "{\"a\":1e+-1}",
		  "at byte 8: a number without digits in its exponent" },
		{ "{\"a\":18446744073709551616}",
		  "at byte 25: an integer of more than 64 bits" },
		{ "{\"a\":-9223372036854775809}",
		  "at byte 25: an integer of more than 64 bits" },
	};

	(void)state;
	all_are_refused(rows, WB_ARRAY_LEN(rows));
}

static void
bad_strings_are_refused(void **state)
{
	static const struct bad_text rows[] = {
		{ "{\"a", "at byte 3: a string without an end" },
		{ "{\"a\":\"b", "at byte 7: a string without an end" },
		{ "{\"a\":\"\t\"}",
		  "at byte 6: a control character in a string" },
		{ "{\"a\":\"\\", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\x\"}", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\'\"}", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\u12\"}", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\u12G4\"}", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\u123", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\U1234\"}", "at byte 6: an unknown escape" },
		{ "{\"a\":\"\\u0000\"}", "at byte 6: U+0000 in a string" },
		{ "{\"a\\u0000b\":1}", "at byte 3: U+0000 in a string" },
		{ "{\"a\":\"\\uD83D\"}", "at byte 6: half a surrogate pair" },
		{ "{\"a\":\"\\uD83D", "at byte 6: half a surrogate pair" },
		{ "{\"a\":\"\\uD83D\\n\"}",
		  "at byte 6: half a surrogate pair" },
		{ "{\"a\":\"\\uD83D\\u0041\"}",
		  "at byte 6: half a surrogate pair" },
		{ "{\"a\":\"\\uDE00\"}", "at byte 6: half a surrogate pair" },
		{ "{\"a\":\"\xFF\"}", "at byte 6: invalid UTF-8" },
		{ "{\"a\":\"b\xC3", "at byte 7: invalid UTF-8" },
		{ "{\"a\":\"\xC0\xAF\"}", "at byte 6: invalid UTF-8" },
		{ "{\"a\":\"\xED\xA0\x80\"}", "at byte 6: invalid UTF-8" },
	};

	(void)state;
	all_are_refused(rows, WB_ARRAY_LEN(rows));
}

static void
nul_bytes_are_refused(void **state)
{
	(void)state;
	assert_refused("{}", 3, "at byte 2: an unexpected character");
	assert_refused("{\"a\":\0 1}", 9, "at byte 5: an unexpected character");
	assert_refused("{\"a\":\"b\0c\"}", 11,
	               "at byte 7: a control character in a string");
}

static void
repeated_names_are_refused(void **state)
{
	static const struct bad_text rows[] = {
		{ "{\"a\":1,\"a\":1}",
		  "at byte 8: a name that its object has already" },
		{ "{\"\":1,\"\":1}",
		  "at byte 7: a name that its object has already" },
		{ "{\"a\":1,\"\\u0061\":2}",
		  "at byte 8: a name that its object has already" },
		{ "{\"\xF0\x9F\x98\x80\":1,\"\\ud83d\\uDE00\":2}",
		  "at byte 11: a name that its object has already" },
		{ "{\"/\":1,\"\\/\":2}",
		  "at byte 8: a name that its object has already" },
		{ "{\"x\xC3\xA9y\":1,\"x\\u00e9\\u0079\":2}",
		  "at byte 11: a name that its object has already" },
		{ "{\"a\":{\"b\":1},\"a\":3}",
		  "at byte 14: a name that its object has already" },
		{ "{\"x\":[{\"a\":1,\"b\":2,\"a\":3}]}",
		  "at byte 20: a name that its object has already" },
	};

	(void)state;
	all_are_refused(rows, WB_ARRAY_LEN(rows));
}

/* More names than there is room at first, and the last one again. */
static void
many_names(void **state)
{
	struct wb_buf buf = { .data = NULL };
	struct wb_note note;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		wb_buf_printf(&buf, "%c\"n%03d\":{\"a\":%d}",
		              i == 0 ? '{' : ',', i * 7 % 1000, i);
	wb_buf_adds(&buf, "}");
	assert_int_equal(wb_json_scan(buf.data, buf.len, &narrow, &note),
	                 WB_OK);
	buf.len--;
	wb_buf_adds(&buf, ",\"n993\":0}");
	assert_int_equal(wb_json_scan(buf.data, buf.len, &narrow, &note),
	                 WB_ERR_BAD_MESSAGE);
	wb_buf_fini(&buf);
}

static void
wide_integers_are_taken_where_allowed(void **state)
{
	static const char text[] = "{\"a\":[18446744073709551616,-1,"
	                           "-123456789012345678901234567890]}";
	struct wb_note note;

	(void)state;
	assert_int_equal(wb_json_scan(text, sizeof(text) - 1, &wide, &note),
	                 WB_OK);
}

static void
escapes_are_undone(void **state)
{
	static const char text[] = "a\xC3\xA9\\\"\\\\\\/\\b\\f\\n\\r\\t"
	                           "\\u00e9\\u20Ac\\ud83d\\uDE00\\u0001";
	static const char meant[] = "a\xC3\xA9\"\\/\b\f\n\r\t"
	                            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x01";
	const char *at = text, *end = text + sizeof(text) - 1;
	struct wb_buf buf = { .data = NULL };
	struct wb_json_char taken;

	(void)state;
	while (at < end) {
		assert_null(wb_json_take_char(&at, end, &taken));
		wb_buf_add(&buf, taken.utf8, taken.bytes);
	}
	assert_string_equal(wb_buf_text(&buf), meant);
	wb_buf_fini(&buf);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_taken),
		cmocka_unit_test(bad_structure_is_refused),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(bad_strings_are_refused),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(repeated_names_are_refused),
		cmocka_unit_test(many_names),
		cmocka_unit_test(wide_integers_are_taken_where_allowed),
		cmocka_unit_test(escapes_are_undone),
	};

	return cmocka_run_group_tests_name("json_scan", tests, NULL, NULL);
}
