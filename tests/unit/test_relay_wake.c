/* How the relay learns of new rows: what decides, and how it polls. */
#include "capture.h"

#include "wake.h"

#include <stdio.h>

#define S INT64_C(1000000)

static char wake_word[8];

static struct relay_params params = {
	.wake = wake_word,
	.poll_ms = 5,
	.poll_cap_ms = 50,
};

static struct wake wake;

static void
ask_for(const char *word)
{
	(void)snprintf(wake_word, sizeof wake_word, "%s", word);
	wake_init(&wake, &params, "orders", 0);
}

static void
polls_if_told(void **state)
{
	(void)state;
	ask_for("poll");
	assert_false(wake_is_test_needed(&wake, false));
	assert_true(wake.is_known);
	assert_false(wake.is_gated);
	assert_true(wake.is_sound);
	assert_false(wake_is_worth_another(&wake));
}

static void
polls_through_a_pooler(void **state)
{
	(void)state;
	ask_for("auto");
	assert_false(wake_is_test_needed(&wake, true));
	assert_true(wake.is_known);
	assert_false(wake.is_gated);
	assert_true(wake.is_sound);
}

/* Until the test has shown it, nothing wakes it. */
static void
is_gated_once_that_works(void **state)
{
	(void)state;
	ask_for("auto");
	assert_true(wake_is_test_needed(&wake, false));
	assert_false(wake.is_known);
	assert_false(wake.is_gated);
	wake_tested(&wake, true, "it came");
	assert_true(wake.is_known);
	assert_true(wake.is_gated);
	assert_false(wake_is_worth_another(&wake));
}

static void
polls_where_that_fails(void **state)
{
	(void)state;
	ask_for("auto");
	assert_true(wake_is_test_needed(&wake, false));
	wake_tested(&wake, false, "it did not come");
	assert_false(wake.is_gated);
	assert_false(wake.is_sound);
	assert_true(wake_is_worth_another(&wake));
	wake_tested(&wake, true, "it came");
	assert_true(wake.is_gated);
	assert_true(wake.is_sound);
}

static void
is_gated_by_force(void **state)
{
	(void)state;
	ask_for("gate");
	assert_true(wake_is_test_needed(&wake, true));
	wake_tested(&wake, false, "it did not come");
	assert_true(wake.is_gated);
	assert_false(wake.is_sound);
	assert_false(wake_is_worth_another(&wake));
}

static int
decide_four_times(void *arg)
{
	(void)arg;
	ask_for("auto");
	wake_tested(&wake, false, "it did not come");
	wake_tested(&wake, false, "nor now");
	wake_tested(&wake, true, "it came");
	wake_tested(&wake, true, "and now");
	return 0;
}

static void
says_what_changes(void **state)
{
	struct capture got;

	(void)state;
	capture_run(&got, decide_four_times, NULL);
	assert_int_equal(capture_n_lines(got.err), 2);
	assert_contains(got.err, " warn ");
	assert_contains(got.err, "WB-RELAY-WAKE source=orders wake=poll "
	                         "why=\"it did not come\"");
	assert_contains(got.err, "WB-RELAY-WAKE source=orders wake=gate "
	                         "why=\"it came\"");
}

static void
polls_ever_more_slowly(void **state)
{
	(void)state;
	ask_for("poll");
	wake_worked(&wake, 10 * S);
	assert_int_equal(wake_poll_ms(&wake, 10 * S), 5);
	assert_int_equal(wake_poll_ms(&wake, 10 * S + S / 2), 5);
	assert_int_equal(wake_poll_ms(&wake, 12 * S), 20);
	assert_int_equal(wake_poll_ms(&wake, 15 * S), 50);
	assert_int_equal(wake_poll_ms(&wake, 3600 * S), 50);
	wake_worked(&wake, 3600 * S);
	assert_int_equal(wake_poll_ms(&wake, 3600 * S), 5);
}

/* The shortest wait wins over the longest. */
static void
polls_as_slowly_as_told(void **state)
{
	(void)state;
	ask_for("poll");
	params.poll_ms = 200;
	assert_int_equal(wake_poll_ms(&wake, 0), 200);
	assert_int_equal(wake_poll_ms(&wake, 3600 * S), 200);
	params.poll_ms = 5;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(polls_if_told),
		cmocka_unit_test(polls_through_a_pooler),
		cmocka_unit_test(is_gated_once_that_works),
		cmocka_unit_test(polls_where_that_fails),
		cmocka_unit_test(is_gated_by_force),
		cmocka_unit_test(says_what_changes),
		cmocka_unit_test(polls_ever_more_slowly),
		cmocka_unit_test(polls_as_slowly_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
