/* How lines are cut for a terminal. */
#include "capture.h"

#include "top/screen.h"

#include "base/attr.h"

#include <string.h>

static const struct {
	const char *line;
	size_t columns;
	const char *clipped;
} cases[] = {
	{ "", 10, "" },
	{ "short", 10, "short" },
	{ "exactly ten", 11, "exactly ten" },
	{ "too long", 3, "too" },
	{ "gone", 0, "" },
	/* Styles take no room and are kept, so that one ends. */
	{ "\033[31mred\033[0m", 3, "\033[31mred\033[0m" },
	{ "\033[31mred\033[0m and more", 2, "\033[31mre\033[0m" },
	{ "\033[1;31mred", 1, "\033[1;31mr" },
	/* A character is a column, whole or not at all. */
	{ "gr\xc3\xb6\xc3\x9f"
	  "e",
	  3, "gr\xc3\xb6" },
	{ "\xe2\x80\xa6\xe2\x80\xa6", 1, "\xe2\x80\xa6" },
	/* What is no sequence. */
	{ "\033", 1, "\033" },
	{ "a\033[", 1, "a\033[" },
};

static void
lines_are_clipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_buf out = { 0 };

		wb_screen_clip(&out, cases[i].line, strlen(cases[i].line),
		               cases[i].columns);
		assert_string_equal(wb_buf_text(&out), cases[i].clipped);
		wb_buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_clipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
