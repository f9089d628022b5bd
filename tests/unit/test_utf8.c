#include "capture.h"

#include "base/attr.h"
#include "base/utf8.h"

#include <string.h>

static void
knows_valid_from_invalid(void **state)
{
	static const struct {
		const char *text;
		size_t length; /* of the first character, 0 = invalid */
	} cases[] = {
		{ "a", 1 },
		{ "\x7F", 1 },
		{ "\xC2\x80", 2 },
		{ "\xDF\xBF", 2 },
		{ "\xE0\xA0\x80", 3 },
		{ "\xED\x9F\xBF", 3 },
		{ "\xEF\xBF\xBF", 3 },
		{ "\xF0\x90\x80\x80", 4 },
		{ "\xF4\x8F\xBF\xBF", 4 },
		{ "", 0 },
		{ "\x80", 0 },             /* a tail alone */
		{ "\xC0\x80", 0 },         /* overlong NUL */
		{ "\xC1\xBF", 0 },         /* overlong */
		{ "\xE0\x9F\xBF", 0 },     /* overlong */
		{ "\xF0\x8F\xBF\xBF", 0 }, /* overlong */
		{ "\xED\xA0\x80", 0 },     /* surrogate */
		{ "\xF4\x90\x80\x80", 0 }, /* above U+10FFFF */
		{ "\xF5\x80\x80\x80", 0 }, /* above U+10FFFF */
		{ "\xFF", 0 },             /* never a byte of UTF-8 */
		{ "\xE2\x82", 0 },         /* incomplete */
		{ "\xF0\x9F\x98", 0 },     /* incomplete */
		{ "\xE2\x28\xA1", 0 },     /* wrong second byte */
		{ "\xE2\x82\x28", 0 },     /* wrong third byte */
		{ "\xF0\x9F\x98\x28", 0 }, /* wrong fourth byte */
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_int_equal(
		    wb_utf8_char(cases[i].text, strlen(cases[i].text)),
		    cases[i].length);
	assert_true(wb_utf8_is_valid("", 0));
	assert_true(wb_utf8_is_valid("a\0b", 3));
	assert_true(wb_utf8_is_valid("zwölf €", strlen("zwölf €")));
	assert_false(wb_utf8_is_valid("ok\xFF", 3));
}

static void
encodes_each_length(void **state)
{
	static const struct {
		uint32_t code;
		const char *text;
	} cases[] = {
		{ 0x01, "\x01" },
		{ 0x7F, "\x7F" },
		{ 0x80, "\xC2\x80" },
		{ 0x7FF, "\xDF\xBF" },
		{ 0x800, "\xE0\xA0\x80" },
		{ 0xFFFF, "\xEF\xBF\xBF" },
		{ 0x10000, "\xF0\x90\x80\x80" },
		{ 0x10FFFF, "\xF4\x8F\xBF\xBF" },
	};
	char text[4];
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		assert_int_equal(wb_utf8_encode(cases[i].code, text),
		                 strlen(cases[i].text));
		assert_memory_equal(text, cases[i].text, strlen(cases[i].text));
	}
}

static void
trim_drops_an_incomplete_end(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{ "", 0 },
		{ "abc", 3 },
		{ "ab\xC3", 2 },
		{ "ab\xC3\xBC", 4 },
		{ "a\xE2", 1 },
		{ "a\xE2\x82", 1 },
		{ "a\xE2\x82\xAC", 4 },
		{ "\xF0\x9F\x98", 0 },
		{ "\xF0\x9F\x98\x80", 4 },
		{ "\x80\x80\x80\x80\x80", 5 }, /* garbage stays as it is */
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_int_equal(
		    wb_utf8_trim(cases[i].text, strlen(cases[i].text)),
		    cases[i].length);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_valid_from_invalid),
		cmocka_unit_test(encodes_each_length),
		cmocka_unit_test(trim_drops_an_incomplete_end),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
