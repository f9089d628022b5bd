/* Where the relay looks for unpublished deliveries, and when at everything. */
#include "capture.h"

#include "floor.h"
#include "sweep.h"

#define MS INT64_C(1000)
#define S  (1000 * MS)

enum { MARGIN = 2000 };

static struct floor floor_;

/* Positions rise by so many per ms, seen every 10 ms until now_us. */
static void
run_until(int64_t now_us, int64_t per_ms)
{
	floor_init(&floor_, MARGIN, 0);
	for (int64_t at = 0; at <= now_us; at += 10 * MS)
		floor_seen(&floor_, at, at / MS * per_ms);
}

static void
starts_a_little_below_the_end(void **state)
{
	(void)state;
	floor_init(&floor_, MARGIN, 5000);
	assert_int_equal(floor_get(&floor_, 100 * S), 5000 - MARGIN);
	floor_seen(&floor_, 100 * S, 50000);
	assert_int_equal(floor_get(&floor_, 100 * S), 5000 - MARGIN);
	assert_int_equal(floor_get(&floor_, 100 * S + (FLOOR_MS - 1) * MS),
	                 5000 - MARGIN);
	assert_int_equal(floor_get(&floor_, 100 * S + FLOOR_MS * MS),
	                 50000 - MARGIN);
	assert_int_equal(floor_get(&floor_, 110 * S), 50000);
}

/* 100,000 rows/s: the time decides. */
static void
stays_behind_by_time(void **state)
{
	(void)state;
	run_until(60 * S, 100);
	assert_in_range(floor_get(&floor_, 60 * S),
	                6000000 - 100 * (FLOOR_MS + FLOOR_STEP_MS),
	                6000000 - 100 * FLOOR_MS);
}

/* 1,000 rows/s: their number. */
static void
stays_behind_by_rows(void **state)
{
	(void)state;
	run_until(60 * S, 1);
	assert_in_range(floor_get(&floor_, 60 * S),
	                60000 - MARGIN - FLOOR_STEP_MS, 60000 - MARGIN);
}

/* Next to none, or none at all any more. */
static void
never_stays_behind_for_ever(void **state)
{
	(void)state;
	floor_init(&floor_, MARGIN, 0);
	for (int64_t at = 0; at <= 60 * S; at += 1 * S)
		floor_seen(&floor_, at, at / S);
	assert_int_equal(floor_get(&floor_, 60 * S), 50);
	assert_int_equal(floor_get(&floor_, 100 * S), 60);
}

static void
is_taken_back_to_what_was_found(void **state)
{
	(void)state;
	run_until(60 * S, 100);
	floor_seen(&floor_, 60 * S, 1234);
	assert_int_equal(floor_get(&floor_, 60 * S), 1234);
	/* And rises again once that is done. */
	floor_seen(&floor_, 61 * S, 6100000);
	assert_int_equal(floor_get(&floor_, 61 * S), 1234);
	assert_int_equal(floor_get(&floor_, 61 * S + FLOOR_MS * MS),
	                 6100000 - MARGIN);
}

static void
a_lower_position_takes_back(void **state)
{
	(void)state;
	run_until(60 * S, 100);
	floor_seen(&floor_, 60 * S + 1, 99);
	assert_int_equal(floor_get(&floor_, 60 * S + 1), 99);
}

/* A backlog that the first look finds far below where the floor began. */
static void
a_first_lower_position_takes_back(void **state)
{
	(void)state;
	floor_init(&floor_, MARGIN, 50000);
	floor_seen(&floor_, 1 * S, 99);
	assert_int_equal(floor_get(&floor_, 1 * S), 99);
}

/* ---- sweeping ---- */

static struct sweep sweep;

static void
a_sweep_is_due_at_once_and_then_by_its_period(void **state)
{
	(void)state;
	sweep_init(&sweep, 10000, 5 * S);
	assert_true(sweep_is_due(&sweep, 5 * S));
	sweep_took(&sweep, 5 * S, 5 * S + 20 * MS);
	assert_false(sweep_is_due(&sweep, 15 * S));
	assert_true(sweep_is_due(&sweep, 15 * S + 20 * MS));
}

/* One that takes 2 s may take a tenth of the time. */
static void
a_slow_sweep_is_due_more_seldom(void **state)
{
	(void)state;
	sweep_init(&sweep, 10000, 0);
	sweep_took(&sweep, 0, 2 * S);
	assert_false(sweep_is_due(&sweep, 21 * S));
	assert_true(sweep_is_due(&sweep, 22 * S));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_a_little_below_the_end),
		cmocka_unit_test(stays_behind_by_time),
		cmocka_unit_test(stays_behind_by_rows),
		cmocka_unit_test(never_stays_behind_for_ever),
		cmocka_unit_test(is_taken_back_to_what_was_found),
		cmocka_unit_test(a_lower_position_takes_back),
		cmocka_unit_test(a_first_lower_position_takes_back),
		cmocka_unit_test(a_sweep_is_due_at_once_and_then_by_its_period),
		cmocka_unit_test(a_slow_sweep_is_due_more_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
