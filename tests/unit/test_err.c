/* The error table, walked, and the notes. */
#include "capture.h"

#include "base/attr.h"
#include "base/err.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

static void
each_row_has_name_text_and_verdict(void **state)
{
	int err, other;

	(void)state;
	for (err = 0; err < WB_ERR_COUNT; err++) {
		const char *at = wb_err_name((enum wb_err)err);

		assert_true(strlen(at) >= 2);
		for (; *at != '\0'; at++)
			assert_true(isupper((unsigned char)*at) || *at == '_');
		assert_true(strlen(wb_err_text((enum wb_err)err)) >= 2);
		assert_string_not_equal(
		    wb_verdict_name(wb_err_verdict((enum wb_err)err)), "?");
		for (other = 0; other < err; other++)
			assert_string_not_equal(
			    wb_err_name((enum wb_err)err),
			    wb_err_name((enum wb_err)other));
	}
}

static void
verdicts_are_those_of_the_table(void **state)
{
	static const struct {
		enum wb_err err;
		const char *name, *verdict;
	} cases[] = {
		{ WB_OK, "OK", "ACK" },
		{ WB_ERR_DUPLICATE, "DUPLICATE", "ACK" },
		{ WB_ERR_NOT_YET, "NOT_YET", "RETRY" },
		{ WB_ERR_DB_CONFLICT, "DB_CONFLICT", "WAIT" },
		{ WB_ERR_DB_LOST, "DB_LOST", "WAIT" },
		{ WB_ERR_BROKER_BLOCKED, "BROKER_BLOCKED", "WAIT" },
		{ WB_ERR_BAD_MESSAGE, "BAD_MESSAGE", "PARK" },
		{ WB_ERR_UNROUTABLE, "UNROUTABLE", "PARK" },
		{ WB_ERR_BAD_CONFIG, "BAD_CONFIG", "STOP" },
	};
	size_t i;

	(void)state;
	assert_int_equal(WB_OK, 0);
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		assert_string_equal(wb_err_name(cases[i].err), cases[i].name);
		assert_string_equal(
		    wb_verdict_name(wb_err_verdict(cases[i].err)),
		    cases[i].verdict);
	}
}

static void
unknown_numbers_have_an_answer(void **state)
{
	(void)state;
	assert_string_equal(wb_err_name(WB_ERR_COUNT), "?");
	assert_non_null(wb_err_text(WB_ERR_COUNT));
	assert_int_equal(wb_err_verdict(WB_ERR_COUNT), WB_RETRY);
	assert_string_equal(wb_verdict_name((enum wb_verdict)99), "?");
}

static void
fail_writes_the_note_and_returns_the_error(void **state)
{
	struct wb_note note = { .text = "old" };

	(void)state;
	assert_int_equal(wb_fail(&note, WB_ERR_DB_LOST, "queue=%s", "orders"),
	                 WB_ERR_DB_LOST);
	assert_string_equal(note.text, "queue=orders");
	assert_int_equal(wb_fail(NULL, WB_ERR_IO, "x=%d", 1), WB_ERR_IO);
}

static void
a_long_note_is_cut_between_characters(void **state)
{
	static const char *const characters[] = { "x", "ü", "€", "😀" };
	char text[2 * WB_NOTE_BYTES];
	struct wb_note note;
	size_t i, pad;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(characters); i++) {
		for (pad = 0; pad < 4; pad++) {
			size_t width = strlen(characters[i]), length;

			memset(text, 'a', pad);
			for (length = pad; length < WB_NOTE_BYTES + 8;
			     length += width)
				memcpy(text + length, characters[i], width + 1);
			(void)wb_fail(&note, WB_ERR_IO, "%s", text);
			length = strlen(note.text);
			assert_true(length > WB_NOTE_BYTES - 1 - width);
			assert_true(wb_utf8_is_valid(note.text, length));
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_has_name_text_and_verdict),
		cmocka_unit_test(verdicts_are_those_of_the_table),
		cmocka_unit_test(unknown_numbers_have_an_answer),
		cmocka_unit_test(fail_writes_the_note_and_returns_the_error),
		cmocka_unit_test(a_long_note_is_cut_between_characters),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
