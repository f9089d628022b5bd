/* Only built with WB_CRASH_POINTS. */
#include "capture.h"

#include "base/attr.h"
#include "base/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct plan {
	const char *at, *after; /* NULL: not set */
	int signum, n_printed;
};

static int
pass_three_times(void *arg)
{
	const struct plan *plan = arg;
	int i;

	if (plan->at != NULL)
		(void)setenv("WB_CRASH_AT", plan->at, 1);
	if (plan->after != NULL)
		(void)setenv("WB_CRASH_AFTER", plan->after, 1);
	for (i = 0; i < 3; i++) {
		WB_CRASH_POINT("other.point");
		WB_CRASH_POINT("relay.after_publish");
		printf("passed\n");
		(void)fflush(stdout);
	}
	return 0;
}

static void
the_named_point_kills_at_the_nth_pass(void **state)
{
	static struct plan plans[] = {
		{ NULL, NULL, 0, 3 },
		{ NULL, "1", 0, 3 },
		{ "no.such.point", NULL, 0, 3 },
		{ "relay.after_publish", NULL, SIGKILL, 0 },
		{ "relay.after_publish", "1", SIGKILL, 0 },
		{ "relay.after_publish", "3", SIGKILL, 2 },
		{ "relay.after_publish", "4", 0, 3 },
	};
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(plans); i++) {
		capture_run(&got, pass_three_times, &plans[i]);
		assert_int_equal(got.signum, plans[i].signum);
		assert_int_equal(capture_n_lines(got.out), plans[i].n_printed);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_named_point_kills_at_the_nth_pass),
	};

	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
