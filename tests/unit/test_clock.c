#include "capture.h"

#include "base/attr.h"
#include "base/clock.h"

#include <string.h>

static void
times_are_formatted(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 1, "1970-01-01T00:00:00.000001Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ INT64_C(1795190400123456), "2026-11-20T16:00:00.123456Z" },
		{ INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z" },
		{ INT64_C(951868800000000), "2000-03-01T00:00:00.000000Z" },
		{ INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z" },
		{ INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z" },
		{ INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z" },
		/* Beyond what four digits of year can say. */
		{ INT64_MIN, "0000-01-01T00:00:00.000000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999Z" },
	};
	char text[WB_TIME_TEXT_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		assert_ptr_equal(wb_time_format(cases[i].us, text), text);
		assert_string_equal(text, cases[i].text);
	}
}

static void
times_are_parsed(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01 00:00:00Z", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T00:00:00.5Z", 500000 },
		{ "1970-01-01T00:00:00.000001Z", 1 },
		{ "1970-01-01T00:00:00.123456789Z", 123456 },
		{ "1970-01-01T00:00:00.000000999Z", 0 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T23:30:00-00:30", 0 },
		{ "1970-01-02T00:00:00+23:59", INT64_C(60000000) },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400000000) },
		{ "2026-11-20T16:00:00.123456Z", INT64_C(1795190400123456) },
		{ "2026-11-20T17:00:00.123456+01:00",
		  INT64_C(1795190400123456) },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000000) },
		{ "0000-01-01T00:00:00Z", INT64_C(-62167219200000000) },
		{ "9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999) },
	};
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		us = -42;
		assert_true(wb_time_parse(cases[i].text, &us));
		assert_int_equal(us, cases[i].us);
	}
}

static void
wrong_times_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"now",
		"2026",
		"2026-11-20",
		"2026-11-20T16:00Z",
		"2026-11-20T16:00:00",
		"2026-11-20T16:00:00.Z",
		"2026-11-20T16:00:00.1234567890Z",
		"2026-11-20T16:00:00,5Z",
		"2026-11-20T16:00:00Zx",
		"2026-11-20T16:00:00 Z",
		" 2026-11-20T16:00:00Z",
		"2026-11-20T24:00:00Z",
		"2026-11-20T16:60:00Z",
		"2026-11-20T16:00:61Z",
		"2026-00-20T16:00:00Z",
		"2026-13-20T16:00:00Z",
		"2026-11-00T16:00:00Z",
		"2026-11-31T16:00:00Z",
		"2026-02-29T16:00:00Z",
		"1900-02-29T16:00:00Z",
		"2024-02-30T16:00:00Z",
		"26-11-20T16:00:00Z",
		"+026-11-20T16:00:00Z",
		"2026-11-20T16:00:00+24:00",
		"2026-11-20T16:00:00+01:60",
		"2026-11-20T16:00:00+0100",
		"2026-11-20T16:00:00+01",
		"2026-11-20T16:00:00+",
	};
	int64_t us = 42;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		assert_false(wb_time_parse(cases[i], &us));
		assert_int_equal(us, 42);
	}
}

/* A step that hits all days of the leap-year cycle and odd microseconds. */
static void
each_time_goes_round(void **state)
{
	const int64_t step_us = INT64_C(86400000000) * 13 + 3723000457;
	char text[WB_TIME_TEXT_BYTES];
	int64_t us, again_us;

	(void)state;
	for (us = INT64_C(-62167219200000000); us < INT64_C(253402300800000000);
	     us += step_us) {
		assert_true(wb_time_parse(wb_time_format(us, text), &again_us));
		assert_int_equal(again_us, us);
	}
}

static void
clocks_run(void **state)
{
	int64_t mono_us = wb_mono_us(), wall_us = wb_wall_us(), now_us;

	(void)state;
	do {
		now_us = wb_mono_us();
		assert_true(now_us >= mono_us);
	} while (now_us == mono_us);
	assert_true(wall_us > INT64_C(1700000000000000));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_formatted),
		cmocka_unit_test(times_are_parsed),
		cmocka_unit_test(wrong_times_are_refused),
		cmocka_unit_test(each_time_goes_round),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
