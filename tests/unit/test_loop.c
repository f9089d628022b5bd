#include "capture.h"

#include "base/clock.h"
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the callbacks of a test note down, in order. */
struct track {
	struct wb_loop *loop;
	struct wb_timer timer, other;
	char order[64];
	int n, left;
	int64_t started_us;
};

static int
set_up(void **state)
{
	struct track *track = calloc(1, sizeof(*track));

	if (track == NULL)
		return -1;
	track->loop = wb_loop_new();
	*state = track;
	return 0;
}

static int
tear_down(void **state)
{
	struct track *track = *state;

	wb_timer_fini(&track->timer);
	wb_timer_fini(&track->other);
	wb_loop_free(track->loop);
	free(track);
	return 0;
}

static void
note(struct track *track, char what)
{
	track->order[track->n++] = what;
}

static void
note_a(void *arg)
{
	note(arg, 'a');
}

static void
note_b(void *arg)
{
	note(arg, 'b');
}

static void
stop(void *arg)
{
	struct track *track = arg;

	note(track, '.');
	wb_loop_stop(track->loop);
}

static void
an_empty_loop_returns(void **state)
{
	struct track *track = *state;

	wb_loop_run(track->loop);
	assert_non_null(wb_loop_base(track->loop));
}

static void
timers_run_once_and_in_order_of_time(void **state)
{
	struct track *track = *state;
	int64_t start_us = wb_mono_us();

	wb_timer_init(&track->timer, track->loop, note_a, track);
	wb_timer_init(&track->other, track->loop, note_b, track);
	assert_false(wb_timer_is_pending(&track->timer));
	wb_timer_start_ms(&track->timer, 20);
	wb_timer_start_us(&track->other, 1500);
	assert_true(wb_timer_is_pending(&track->timer));
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "ba");
	assert_true(wb_mono_us() - start_us >= 20000);
	assert_false(wb_timer_is_pending(&track->timer));
}

static void
a_timer_is_precise(void **state)
{
	struct track *track = *state;
	int64_t start_us, least_us = INT64_MAX;
	int i;

	wb_timer_init(&track->timer, track->loop, note_a, track);
	for (i = 0; i < 2000 && least_us >= 2000; i++) {
		start_us = wb_mono_us();
		wb_timer_start_us(&track->timer, 300);
		wb_loop_run(track->loop);
		assert_true(wb_mono_us() - start_us >= 300);
		if (wb_mono_us() - start_us < least_us)
			least_us = wb_mono_us() - start_us;
	}
	/* Once is enough: the machine may be busy, the clock is not coarse. */
	assert_true(least_us < 2000);
}

/* Notes a 't' if the timer ran before its time. */
static void
check_delay(void *arg)
{
	struct track *track = arg;

	note(track, wb_mono_us() - track->started_us < 5000 ? 't' : 'a');
}

static void
be_busy_then_start(void *arg)
{
	struct track *track = arg;
	int64_t begin_us = wb_mono_us();

	while (wb_mono_us() - begin_us < 20000) {
	}
	track->started_us = wb_mono_us();
	wb_timer_start_us(&track->timer, 5000);
	wb_loop_defer(track->loop, note_b, track); /* wakes the next turn */
}

static void
a_timer_started_late_in_a_turn_is_not_early(void **state)
{
	struct track *track = *state;

	wb_timer_init(&track->timer, track->loop, check_delay, track);
	wb_timer_init(&track->other, track->loop, be_busy_then_start, track);
	wb_timer_start_us(&track->other, 0);
	wb_loop_run(track->loop);
	/* In either order: the machine may be busy for longer than the timer
	 * runs. */
	assert_int_equal(strlen(track->order), 2);
	assert_null(strchr(track->order, 't'));
}

static void
a_timer_can_be_moved_and_stopped(void **state)
{
	struct track *track = *state;
	int64_t start_us = wb_mono_us();

	wb_timer_init(&track->timer, track->loop, note_a, track);
	wb_timer_init(&track->other, track->loop, note_b, track);
	wb_timer_start_ms(&track->timer, 60000);
	wb_timer_start_ms(&track->timer, -5); /* = at once */
	wb_timer_start_ms(&track->other, INT64_MAX);
	wb_timer_stop(&track->other);
	wb_timer_stop(&track->other);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "a");
	assert_true(wb_mono_us() - start_us < 10000000);
}

static void
start_again(void *arg)
{
	struct track *track = arg;

	note(track, 't');
	if (--track->left > 0)
		wb_timer_start_us(&track->timer, 0);
}

static void
a_timer_can_start_itself(void **state)
{
	struct track *track = *state;

	track->left = 4;
	wb_timer_init(&track->timer, track->loop, start_again, track);
	wb_timer_start_us(&track->timer, 0);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "tttt");
}

struct owner {
	struct wb_timer timer;
	int *n_freed;
};

static void
free_owner(void *arg)
{
	struct owner *owner = arg;

	++*owner->n_freed;
	wb_timer_fini(&owner->timer);
	free(owner);
}

static void
an_owner_can_go_in_its_timer(void **state)
{
	struct track *track = *state;
	struct owner *owner = calloc(1, sizeof(*owner));

	assert_non_null(owner);
	owner->n_freed = &track->left;
	wb_timer_init(&owner->timer, track->loop, free_owner, owner);
	wb_timer_start_ms(&owner->timer, 0);
	wb_loop_run(track->loop);
	assert_int_equal(track->left, 1);
}

static void
fini_is_fine_twice_and_unused(void **state)
{
	struct track *track = *state;

	wb_timer_fini(&track->timer);
	wb_timer_stop(&track->timer);
	assert_false(wb_timer_is_pending(&track->timer));
	wb_timer_init(&track->timer, track->loop, note_a, track);
	wb_timer_start_ms(&track->timer, 0);
	wb_timer_fini(&track->timer);
	wb_timer_fini(&track->timer);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "");
}

static void
defer_two(void *arg)
{
	struct track *track = arg;

	wb_loop_defer(track->loop, note_b, track);
	wb_loop_defer(track->loop, note_a, track);
	note(track, 't');
}

static void
deferred_calls_run_later_and_in_order(void **state)
{
	struct track *track = *state;

	wb_loop_defer(track->loop, note_a, track);
	wb_loop_defer(track->loop, defer_two, track);
	wb_loop_defer(track->loop, note_b, track);
	assert_string_equal(track->order, "");
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "atbba");
}

static void
defer_again(void *arg)
{
	struct track *track = arg;

	track->n++;
	wb_loop_defer(track->loop, defer_again, track);
}

static void
deferring_for_ever_starves_nobody(void **state)
{
	struct track track = { .loop = ((struct track *)*state)->loop };

	wb_timer_init(&track.timer, track.loop, stop, *state);
	wb_timer_start_ms(&track.timer, 20);
	wb_loop_defer(track.loop, defer_again, &track);
	wb_loop_run(track.loop);
	assert_true(track.n > 1);
	wb_loop_undefer(track.loop, &track);
	wb_timer_fini(&track.timer);
}

static void
count(void *arg)
{
	++*(int *)arg;
}

static void
many_calls_can_be_deferred(void **state)
{
	struct track *track = *state;
	int round, i;

	for (round = 1; round <= 3; round++) {
		for (i = 0; i < 1000; i++)
			wb_loop_defer(track->loop, count, &track->n);
		wb_loop_run(track->loop);
		assert_int_equal(track->n, round * 1000);
	}
}

static void
undefer_a(void *arg)
{
	struct track *track = arg;

	note(track, 'u');
	wb_loop_undefer(track->loop, &track->left);
}

static void
must_not_run(void *arg)
{
	(void)arg;
	fail_msg("a forgotten call ran");
}

static void
forgotten_calls_do_not_run(void **state)
{
	struct track *track = *state;

	wb_loop_defer(track->loop, must_not_run, &track->n);
	wb_loop_defer(track->loop, undefer_a, track);
	wb_loop_defer(track->loop, must_not_run, &track->left);
	wb_loop_defer(track->loop, note_a, track);
	wb_loop_undefer(track->loop, &track->n);
	wb_loop_undefer(track->loop, &track->n);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "ua");
}

static void
freeing_the_loop_runs_what_is_deferred(void **state)
{
	struct wb_loop *loop = wb_loop_new();
	int n = 0;

	(void)state;
	wb_loop_defer(loop, count, &n);
	wb_loop_defer(loop, count, &n);
	wb_loop_free(loop);
	assert_int_equal(n, 2);
	wb_loop_free(NULL);
}

static void
stop_ends_this_run_only(void **state)
{
	struct track *track = *state;

	wb_timer_init(&track->timer, track->loop, note_a, track);
	wb_timer_start_ms(&track->timer, 5);
	wb_loop_defer(track->loop, stop, track);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, ".");
	wb_loop_stop(track->loop);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, ".");
	wb_loop_run(track->loop);
	assert_string_equal(track->order, ".a");
}

static void
on_usr1(void *arg)
{
	struct track *track = arg;

	note(track, 's');
	if (--track->left > 0)
		assert_int_equal(raise(SIGUSR1), 0);
	else
		wb_loop_stop(track->loop);
}

static void
signals_arrive_in_the_loop(void **state)
{
	struct track *track = *state;

	track->left = 3;
	wb_loop_on_signal(track->loop, SIGUSR1, on_usr1, track);
	wb_loop_on_signal(track->loop, SIGUSR2, note_b, track);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_string_equal(track->order, "");
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "sss");
}

static void
a_broken_pipe_is_an_error_of_write(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(write(fds[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(close(fds[1]), 0);
}

static void
run_again(void *arg)
{
	wb_loop_run(arg);
}

static int
run_within(void *arg)
{
	struct wb_loop *loop = arg;
	struct wb_timer timer;

	wb_timer_init(&timer, loop, run_again, loop);
	wb_timer_start_ms(&timer, 0);
	wb_loop_run(loop);
	return 0;
}

/* Left alone, whoever runs it until something happens would spin. */
static void
a_loop_that_is_run_within_itself_aborts(void **state)
{
	struct track *track = *state;
	struct capture got;

	capture_run(&got, run_within, track->loop);
	assert_int_equal(got.signum, SIGABRT);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* Once per wait, also when there is more to read; at the end too. */
static void
an_input_is_told_once(void **state)
{
	struct track *track = *state;
	struct wb_input input = { 0 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	wb_input_init(&input, track->loop, ends[0], stop, track);
	assert_int_equal(write(ends[1], "xy", 2), 2);
	wb_input_wait(&input);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, ".");
	/* Not asked again: nothing to wait for. */
	wb_loop_run(track->loop);
	assert_string_equal(track->order, ".");
	(void)close(ends[1]);
	wb_input_wait(&input);
	wb_loop_run(track->loop);
	assert_string_equal(track->order, "..");
	wb_input_fini(&input);
	wb_input_fini(&input);
	(void)close(ends[0]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(an_empty_loop_returns),
		LOOP_TEST(timers_run_once_and_in_order_of_time),
		LOOP_TEST(a_timer_is_precise),
		LOOP_TEST(a_timer_started_late_in_a_turn_is_not_early),
		LOOP_TEST(a_timer_can_be_moved_and_stopped),
		LOOP_TEST(a_timer_can_start_itself),
		LOOP_TEST(an_owner_can_go_in_its_timer),
		LOOP_TEST(fini_is_fine_twice_and_unused),
		LOOP_TEST(deferred_calls_run_later_and_in_order),
		LOOP_TEST(deferring_for_ever_starves_nobody),
		LOOP_TEST(many_calls_can_be_deferred),
		LOOP_TEST(forgotten_calls_do_not_run),
		cmocka_unit_test(freeing_the_loop_runs_what_is_deferred),
		LOOP_TEST(stop_ends_this_run_only),
		LOOP_TEST(signals_arrive_in_the_loop),
		LOOP_TEST(an_input_is_told_once),
		LOOP_TEST(a_broken_pipe_is_an_error_of_write),
		LOOP_TEST(a_loop_that_is_run_within_itself_aborts),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
