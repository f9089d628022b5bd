/* The catalogue, walked, and the form of a line. */
#include "capture.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
each_code_is_unique_and_explained(void **state)
{
	static const char *const helps[] = {
#define X(name, code, help) (help),
		WB_LOG_TABLE(X)
#undef X
	};
	int code, other;

	(void)state;
	for (code = 0; code < WB_LOG_CODE_COUNT; code++) {
		const char *text = wb_log_code_text((enum wb_log_code)code);

		assert_int_equal(strncmp(text, "WB-", 3), 0);
		assert_true(strlen(helps[code]) > 10);
		assert_int_equal(helps[code][strlen(helps[code]) - 1], '.');
		for (other = 0; other < code; other++)
			assert_string_not_equal(
			    text, wb_log_code_text((enum wb_log_code)other));
	}
	assert_string_equal(wb_log_code_text(WB_LOG_CODE_COUNT), "?");
}

static int
log_each_level(void *arg)
{
	const enum wb_log_level *level = arg;

	wb_log_setup("inventory", *level);
	errno = EAGAIN;
	wb_log_error(WB_LOG_PG_ERROR, "n=%d", 1);
	wb_log_warn(WB_LOG_AMQP_LOST, "n=%d", 2);
	wb_log_info(WB_LOG_START, "n=%d", 3);
	wb_log_debug(WB_LOG_SWEEP, "n=%d", 4);
	return errno == EAGAIN ? 0 : 1;
}

static void
lines_above_the_level_are_dropped(void **state)
{
	enum wb_log_level level;
	struct capture got;

	(void)state;
	for (level = WB_LOG_ERROR; level <= WB_LOG_DEBUG; level++) {
		capture_run(&got, log_each_level, &level);
		assert_int_equal(got.exit_code, 0);
		assert_int_equal(capture_n_lines(got.err), (int)level + 1);
	}
	assert_contains(got.err, "Z error inventory WB-PG-ERROR n=1\n");
	assert_contains(got.err, "Z warn inventory WB-AMQP-LOST n=2\n");
	assert_contains(got.err, "Z info inventory WB-START n=3\n");
	assert_contains(got.err, "Z debug inventory WB-SWEEP n=4\n");
}

static void
a_line_begins_with_the_time_in_ms(void **state)
{
	enum wb_log_level level = WB_LOG_ERROR;
	char stamp[25];
	struct capture got;
	int64_t us, now_us = wb_wall_us();

	(void)state;
	capture_run(&got, log_each_level, &level);
	memcpy(stamp, got.err, 24);
	stamp[24] = '\0';
	assert_true(wb_time_parse(stamp, &us));
	assert_in_range(us + 1000, now_us, now_us + 30000000);
	assert_int_equal(got.err[24], ' ');
}

static int
log_foreign_text(void *arg)
{
	wb_log_error(WB_LOG_PG_ERROR, "why=\"%s\"\n", (const char *)arg);
	return 0;
}

static void
a_foreign_message_stays_on_one_line(void **state)
{
	char text[] = "ERROR:  no\nHINT:\tfake\r\n\x1B[31m";
	struct capture got;

	(void)state;
	capture_run(&got, log_foreign_text, text);
	assert_int_equal(capture_n_lines(got.err), 1);
	assert_contains(got.err, "why=\"ERROR:  no HINT: fake   [31m\"\n");
}

static void
a_long_line_is_cut_between_characters(void **state)
{
	char text[6004] = "";
	struct capture got;
	size_t pad, i, length;

	(void)state;
	for (pad = 0; pad < 3; pad++) {
		memset(text, 'a', pad);
		for (i = pad; i < 6000; i += 3)
			memcpy(text + i, "€", 4);
		capture_run(&got, log_foreign_text, text);
		length = strlen(got.err);
		assert_int_equal(capture_n_lines(got.err), 1);
		assert_int_equal(got.err[length - 1], '\n');
		assert_in_range(length, 2040, 2048);
		assert_true(wb_utf8_is_valid(got.err, length));
	}
}

static int
break_an_assertion(void *arg)
{
	unsigned magic = 7;
	struct owner {
		unsigned magic;
	} * owner;

	(void)arg;
	WB_CAST(owner, (void *)&magic, 7);
	WB_ASSERT(owner->magic == 7);
	WB_CAST(owner, (void *)&magic, 8);
	return 0;
}

static void
a_failed_assertion_says_where_and_aborts(void **state)
{
	struct capture got;

	(void)state;
	capture_run(&got, break_an_assertion, NULL);
	assert_int_equal(got.signum, SIGABRT);
	assert_int_equal(capture_n_lines(got.err), 1);
	assert_contains(got.err, " error - WB-ASSERT at=");
	assert_contains(got.err, "test_log.c:");
	assert_contains(got.err, "failed=\"(owner) != NULL && "
	                         "(owner)->magic == (8)\"");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_is_unique_and_explained),
		cmocka_unit_test(lines_above_the_level_are_dropped),
		cmocka_unit_test(a_line_begins_with_the_time_in_ms),
		cmocka_unit_test(a_foreign_message_stays_on_one_line),
		cmocka_unit_test(a_long_line_is_cut_between_characters),
		cmocka_unit_test(a_failed_assertion_says_where_and_aborts),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
