/* Where the relay looks for unpublished rows, and when it looks at the rest. */
#include "capture.h"

#include "floor.h"
#include "sweep.h"

#define MS INT64_C(1000)
#define S  (1000 * MS)

static struct floor floor_;

/* Positions rise by so many per ms, seen every 10 ms until now_us. */
static void
run_until(int64_t now_us, int64_t per_ms)
{
	floor_init(&floor_, FLOOR_ROWS, 0);
	for (int64_t at = 0; at <= now_us; at += 10 * MS)
		floor_seen(&floor_, at, at / MS * per_ms);
}

static void
starts_a_little_below_the_end(void **state)
{
	(void)state;
	floor_init(&floor_, FLOOR_ROWS, 5000);
	assert_int_equal(floor_get(&floor_, 100 * S), 5000 - FLOOR_ROWS);
	floor_seen(&floor_, 100 * S, 50000);
	assert_int_equal(floor_get(&floor_, 100 * S), 5000 - FLOOR_ROWS);
	assert_int_equal(floor_get(&floor_, 100 * S + (FLOOR_MS - 1) * MS),
	                 5000 - FLOOR_ROWS);
	assert_int_equal(floor_get(&floor_, 100 * S + FLOOR_MS * MS),
	                 50000 - FLOOR_ROWS);
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
	                60000 - FLOOR_ROWS - FLOOR_STEP_MS, 60000 - FLOOR_ROWS);
}

/* Next to none, or none at all any more. */
static void
never_stays_behind_for_ever(void **state)
{
	(void)state;
	floor_init(&floor_, FLOOR_ROWS, 0);
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
	floor_take_back(&floor_, 1234);
	assert_int_equal(floor_get(&floor_, 60 * S), 1234);
	/* And rises again once that is done. */
	floor_seen(&floor_, 61 * S, 6100000);
	assert_int_equal(floor_get(&floor_, 61 * S), 1234);
	assert_int_equal(floor_get(&floor_, 61 * S + FLOOR_MS * MS),
	                 6100000 - FLOOR_ROWS);
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
	floor_init(&floor_, FLOOR_ROWS, 50000);
	floor_seen(&floor_, 1 * S, 99);
	assert_int_equal(floor_get(&floor_, 1 * S), 99);
}

/* ---- sweeping ---- */

static struct sweep sweep;

/* Claims every step for a while; how often each lane had its turn. */
static void
sweep_for(int64_t duration_us, int64_t step_us, int64_t lane_us,
          size_t turns[SWEEP_LANES])
{
	int32_t lanes[SWEEP_AT_ONCE];

	for (size_t i = 0; i < SWEEP_LANES; i++)
		turns[i] = 0;
	for (int64_t at = 0; at < duration_us; at += step_us) {
		size_t n = sweep_take(&sweep, at, lanes);

		for (size_t i = 0; i < n; i++)
			turns[lanes[i]]++;
		if (n > 0)
			sweep_took(&sweep, n, (int64_t)n * lane_us,
			           at + (int64_t)n * lane_us);
	}
}

static void
each_lane_has_its_turn(void **state)
{
	static const int64_t steps[] = { 1 * MS, 37 * MS, 1 * S };
	size_t turns[SWEEP_LANES];

	(void)state;
	for (size_t s = 0; s < 3; s++) {
		sweep_init(&sweep, SWEEP_LANES, 10000, 0);
		sweep_for(110 * S, steps[s], 10, turns);
		for (size_t i = 0; i < SWEEP_LANES; i++)
			assert_in_range(turns[i], 8, 12);
	}
}

static void
the_first_round_does_not_wait(void **state)
{
	size_t turns[SWEEP_LANES];

	(void)state;
	sweep_init(&sweep, SWEEP_LANES, 600000, 0);
	sweep_for(4 * MS, 1 * MS, 10, turns);
	assert_true(sweep.has_gone_round);
	for (size_t i = 0; i < SWEEP_LANES; i++)
		assert_int_equal(turns[i], 1);
}

/* 100 ms for a lane: one tenth of the time, so each one once a minute. */
static void
slow_lanes_have_it_more_seldom(void **state)
{
	size_t turns[SWEEP_LANES], n = 0;

	(void)state;
	sweep_init(&sweep, SWEEP_LANES, 10000, 0);
	sweep_for(640 * S, 10 * MS, 100 * MS, turns);
	for (size_t i = 0; i < SWEEP_LANES; i++)
		n += turns[i];
	assert_in_range(n, 450, 640);
}

static void
one_lane(void **state)
{
	int32_t lanes[SWEEP_AT_ONCE];

	(void)state;
	sweep_init(&sweep, 1, 10000, 0);
	assert_int_equal(sweep_take(&sweep, 0, lanes), 1);
	assert_int_equal(sweep_take(&sweep, 9 * S, lanes), 0);
	assert_int_equal(sweep_take(&sweep, 30 * S, lanes), 1);
	assert_int_equal(lanes[0], 0);
	assert_int_equal(sweep_take(&sweep, 31 * S, lanes), 0);
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
		cmocka_unit_test(each_lane_has_its_turn),
		cmocka_unit_test(the_first_round_does_not_wait),
		cmocka_unit_test(slow_lanes_have_it_more_seldom),
		cmocka_unit_test(one_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
