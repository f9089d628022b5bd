#include "capture.h"

#include "base/attr.h"
#include "base/backoff.h"

#include <limits.h>

static void
the_limit_grows_up_to_the_cap(void **state)
{
	static const struct {
		struct wb_backoff backoff;
		unsigned attempt;
		int64_t limit_ms;
	} cases[] = {
		{ { 1000, 4, 600000 }, 0, 1000 },
		{ { 1000, 4, 600000 }, 1, 4000 },
		{ { 1000, 4, 600000 }, 4, 256000 },
		{ { 1000, 4, 600000 }, 5, 600000 },
		{ { 1000, 4, 600000 }, UINT_MAX, 600000 },
		{ { 1000, 4, INT64_MAX }, UINT_MAX, INT64_MAX },
		{ { 1, INT64_MAX, INT64_MAX }, 2, INT64_MAX },
		{ { INT64_MAX, 2, INT64_MAX }, 3, INT64_MAX },
		{ { 5000, 2, 100 }, 0, 100 },
		{ { 100, 1, 1000 }, UINT_MAX, 100 },
		{ { 100, 0, 1000 }, UINT_MAX, 100 },
		{ { 0, 2, 1000 }, UINT_MAX, 0 },
		{ { -5, 2, 1000 }, 3, 0 },
		{ { 5, 2, -1 }, 3, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_int_equal(
		    wb_backoff_limit_ms(&cases[i].backoff, cases[i].attempt),
		    cases[i].limit_ms);
}

/* The defaults of the retries: 1, 4, 16, 64, 256 s are 341 s in all. */
static void
six_attempts_wait_341_seconds_at_most(void **state)
{
	static const struct wb_backoff backoff = { 1000, 4, 3600000 };
	int64_t sum_ms = 0;
	unsigned attempt;

	(void)state;
	for (attempt = 0; attempt < 5; attempt++)
		sum_ms += wb_backoff_limit_ms(&backoff, attempt);
	assert_int_equal(sum_ms, 341000);
}

static void
picks_fill_the_range_evenly(void **state)
{
	static const struct wb_backoff backoff = { 9, 1, 9 };
	int counts[10] = { 0 }, i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		int64_t ms = wb_backoff_ms(&backoff, 3);

		assert_in_range(ms, 0, 9);
		counts[ms]++;
	}
	/* 2,000 each; 300 are seven standard deviations. */
	for (i = 0; i < 10; i++)
		assert_in_range(counts[i], 1700, 2300);
}

static void
the_longest_wait_does_not_overflow(void **state)
{
	static const struct wb_backoff backoff = { 1, 2, INT64_MAX };
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_true(wb_backoff_ms(&backoff, UINT_MAX) >= 0);
}

static void
random_numbers_stay_below(void **state)
{
	static const uint64_t limits[] = {
		1, 2, 3, 10, 1000, UINT64_C(0x8000000000000001), UINT64_MAX
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(limits); i++) {
		for (j = 0; j < 1000; j++)
			assert_true(wb_random_below(limits[i]) < limits[i]);
	}
}

static void
each_bit_of_a_random_number_moves(void **state)
{
	uint64_t ones = 0, zeros = 0;
	int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		uint64_t number = wb_random_u64();

		ones |= number;
		zeros |= ~number;
	}
	assert_true(ones == UINT64_MAX);
	assert_true(zeros == UINT64_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_grows_up_to_the_cap),
		cmocka_unit_test(six_attempts_wait_341_seconds_at_most),
		cmocka_unit_test(picks_fill_the_range_evenly),
		cmocka_unit_test(the_longest_wait_does_not_overflow),
		cmocka_unit_test(random_numbers_stay_below),
		cmocka_unit_test(each_bit_of_a_random_number_moves),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
