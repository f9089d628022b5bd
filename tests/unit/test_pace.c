#include "capture.h"

#include "base/attr.h"
#include "base/pace.h"

static void
the_next_one_waits_as_long_as_this_one_took(void **state)
{
	static const struct {
		int64_t window_us, took_us;
		size_t n;
		int64_t wait_us;
	} cases[] = {
		{ 50000, 3000, 200, 3000 },
		{ 50000, 3000, WB_PACE_FEW, 3000 },
		{ 50000, 3000, WB_PACE_FEW - 1, 0 },
		{ 50000, 3000, 0, 0 },
		{ 50000, 50001, 200, 50000 },
		{ 0, 3000, 200, 0 },
		{ 50000, 0, 200, 0 },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_pace pace = { .window_us = cases[i].window_us };
		int64_t end_us = 1000000 + cases[i].took_us;

		wb_pace_begin(&pace, 1000000);
		wb_pace_end(&pace, end_us, cases[i].n);
		assert_int_equal(wb_pace_wait_us(&pace, end_us),
		                 cases[i].wait_us);
	}
}

static void
what_has_passed_of_the_wait_counts(void **state)
{
	struct wb_pace pace = { .window_us = 50000 };

	(void)state;
	assert_int_equal(wb_pace_wait_us(&pace, 1), 0);
	wb_pace_begin(&pace, 1000);
	wb_pace_end(&pace, 3000, 10);
	assert_int_equal(wb_pace_wait_us(&pace, 4999), 1);
	assert_int_equal(wb_pace_wait_us(&pace, 5000), 0);
	assert_int_equal(wb_pace_wait_us(&pace, 9000), 0);
}

static void
the_patient_wait_a_window_from_the_first_that_comes(void **state)
{
	struct wb_pace pace = { .window_us = 50000, .is_patient = true };

	(void)state;
	assert_int_equal(wb_pace_wait_us(&pace, 1000), 50000);
	assert_int_equal(wb_pace_wait_us(&pace, 31000), 20000);
	assert_int_equal(wb_pace_wait_us(&pace, 51000), 0);
	wb_pace_begin(&pace, 51000);
	wb_pace_end(&pace, 60000, 200);
	assert_int_equal(wb_pace_wait_us(&pace, 61000), 50000);
	assert_int_equal(wb_pace_wait_us(&pace, 111000), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_one_waits_as_long_as_this_one_took),
		cmocka_unit_test(what_has_passed_of_the_wait_counts),
		cmocka_unit_test(
		    the_patient_wait_a_window_from_the_first_that_comes),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
