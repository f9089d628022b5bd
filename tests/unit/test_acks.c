/* Which delivery tags are done, and how far acks reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "saga/engine.h"

static int
setup(void **state)
{
	static struct wb_acks acks;

	wb_acks_init(&acks, 5);
	wb_acks_reset(&acks);
	*state = &acks;
	return 0;
}

static int
teardown(void **state)
{
	wb_acks_fini(*state);
	return 0;
}

static void
reaches_as_far_as_all_are_done(void **state)
{
	struct wb_acks *acks = *state;

	for (uint64_t tag = 1; tag <= 5; tag++)
		assert_true(wb_acks_deliver(acks, tag));
	assert_int_equal(wb_acks_advance(acks), 0);
	wb_acks_done(acks, 3);
	wb_acks_done(acks, 2);
	assert_int_equal(wb_acks_advance(acks), 0);
	wb_acks_done(acks, 1);
	assert_int_equal(wb_acks_advance(acks), 3);
	assert_int_equal(wb_acks_advance(acks), 0);
	wb_acks_done(acks, 5);
	assert_int_equal(wb_acks_advance(acks), 0);
	wb_acks_done(acks, 4);
	assert_int_equal(wb_acks_advance(acks), 5);
}

static void
refuses_tags_out_of_step(void **state)
{
	struct wb_acks *acks = *state;

	assert_false(wb_acks_deliver(acks, 0));
	assert_false(wb_acks_deliver(acks, 2));
	assert_true(wb_acks_deliver(acks, 1));
	assert_false(wb_acks_deliver(acks, 1));
}

static void
refuses_more_than_the_ring_holds(void **state)
{
	struct wb_acks *acks = *state;
	uint64_t tag = 1;

	while (tag <= acks->size)
		assert_true(wb_acks_deliver(acks, tag++));
	assert_false(wb_acks_deliver(acks, tag));
	wb_acks_done(acks, 1);
	assert_int_equal(wb_acks_advance(acks), 1);
	assert_true(wb_acks_deliver(acks, tag));
}

static void
forgets_with_its_channel(void **state)
{
	struct wb_acks *acks = *state;

	assert_true(wb_acks_deliver(acks, 1));
	assert_true(wb_acks_deliver(acks, 2));
	wb_acks_done(acks, 2);
	wb_acks_reset(acks);
	assert_true(wb_acks_deliver(acks, 1));
	assert_true(wb_acks_deliver(acks, 2));
	wb_acks_done(acks, 1);
	assert_int_equal(wb_acks_advance(acks), 1);
}

/* Any order, many times round the ring. */
static void
survives_any_order(void **state)
{
	struct wb_acks *acks = *state;
	uint64_t reached = 0, first = 1;

	for (int round = 0; round < 1000; round++) {
		uint64_t left[5], n = 5;

		for (uint64_t i = 0; i < n; i++) {
			left[i] = first + i;
			assert_true(wb_acks_deliver(acks, left[i]));
		}
		first += n;
		while (n > 0) {
			uint64_t i = wb_random_below(n), tag;

			wb_acks_done(acks, left[i]);
			left[i] = left[--n];
			tag = wb_acks_advance(acks);
			assert_true(tag == 0 || tag > reached);
			reached = tag == 0 ? reached : tag;
		}
		assert_int_equal(reached, first - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(reaches_as_far_as_all_are_done),
		T(refuses_tags_out_of_step),
		T(refuses_more_than_the_ring_holds),
		T(forgets_with_its_channel),
		T(survives_any_order),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
