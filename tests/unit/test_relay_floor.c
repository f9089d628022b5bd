/* From where the relay looks for unpublished rows. */
#include "capture.h"

#include "floor.h"

#define MS 1000
#define S  (1000 * (int64_t)MS)

static struct floor floor_;

/* As claims do: the far one is due at the first and then once a second. */
static int64_t
near(int64_t now_us)
{
	floor_.far_us = now_us;
	return floor_get(&floor_, now_us);
}

static int64_t
far(int64_t now_us)
{
	floor_.far_us = now_us - FLOOR_FAR_EVERY_MS * (int64_t)MS;
	return floor_get(&floor_, now_us);
}

/* Positions rise by one per ms, seen every 10 ms until now_us. */
static void
run_until(int64_t now_us)
{
	floor_init(&floor_);
	for (int64_t at = 0; at <= now_us; at += 10 * (int64_t)MS)
		floor_seen(&floor_, at, at / MS);
}

static void
starts_with_everything(void **state)
{
	(void)state;
	floor_init(&floor_);
	assert_int_equal(near(100 * S), 0);
	floor_seen(&floor_, 100 * S, 5000);
	assert_int_equal(near(100 * S), 0);
	assert_int_equal(near(100 * S + (FLOOR_NEAR_MS - 1) * MS), 0);
	assert_int_equal(near(100 * S + FLOOR_NEAR_MS * MS), 5000);
	assert_int_equal(far(109 * S), 0);
	assert_int_equal(far(110 * S), 5000);
}

static void
follows_at_its_distance(void **state)
{
	(void)state;
	run_until(60 * S);
	assert_in_range(near(60 * S), 60000 - FLOOR_NEAR_MS - FLOOR_STEP_MS,
	    60000 - FLOOR_NEAR_MS);
	assert_in_range(far(60 * S), 60000 - FLOOR_FAR_MS - FLOOR_STEP_MS,
	    60000 - FLOOR_FAR_MS);
}

static void
far_only_now_and_then(void **state)
{
	int64_t now_us = 60 * S;

	(void)state;
	run_until(now_us);
	assert_true(floor_get(&floor_, now_us) < 51000);
	assert_true(floor_get(&floor_, now_us + 1) > 59000);
	assert_true(floor_near(&floor_, now_us + 5 * S) > 59000);
	assert_true(
	    floor_get(&floor_, now_us + FLOOR_FAR_EVERY_MS * MS) < 52000);
}

static void
is_taken_back_to_what_was_found(void **state)
{
	(void)state;
	run_until(60 * S);
	floor_take_back(&floor_, 1234);
	assert_int_equal(near(60 * S), 1234);
	assert_int_equal(far(60 * S), 1234);
	/* And rises again once that is done. */
	floor_seen(&floor_, 61 * S, 61000);
	assert_int_equal(near(61 * S), 1234);
	assert_int_equal(near(61 * S + FLOOR_NEAR_MS * MS), 61000);
	assert_int_equal(far(62 * S), 1234);
}

static void
a_lower_position_takes_back(void **state)
{
	(void)state;
	run_until(60 * S);
	floor_seen(&floor_, 60 * S + 1, 99);
	assert_int_equal(near(60 * S + 1), 99);
	assert_int_equal(far(60 * S + 1), 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_everything),
		cmocka_unit_test(follows_at_its_distance),
		cmocka_unit_test(far_only_now_and_then),
		cmocka_unit_test(is_taken_back_to_what_was_found),
		cmocka_unit_test(a_lower_position_takes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
