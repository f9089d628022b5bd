/* What the relay remembers of its own work. */
#include "capture.h"

#include <stdio.h>

#include "published.h"

static void
only_the_last_of_an_aggregate(void **state)
{
	struct published published;

	(void)state;
	published_init(&published);
	assert_false(published_has(&published, "order", "a", 1));
	published_note(&published, "order", "a", 1);
	assert_true(published_has(&published, "order", "a", 1));
	assert_false(published_has(&published, "order", "a", 2));
	assert_false(published_has(&published, "order", "b", 1));
	assert_false(published_has(&published, "product", "a", 1));
	assert_false(published_has(&published, "ordera", "", 1));
	published_note(&published, "order", "a", 2);
	assert_false(published_has(&published, "order", "a", 1));
	assert_true(published_has(&published, "order", "a", 2));
	published_forget(&published);
	assert_false(published_has(&published, "order", "a", 2));
	published_note(&published, "order", "a", 3);
	assert_true(published_has(&published, "order", "a", 3));
	published_fini(&published);
}

/* An entry may be gone, never wrong; and most are there. */
static void
many_aggregates(void **state)
{
	enum {
		MANY = 8 * PUBLISHED_SETS * PUBLISHED_WAYS,
		FEW = PUBLISHED_SETS * PUBLISHED_WAYS / 4,
	};
	struct published published;
	char name[32];
	int n_kept = 0;

	(void)state;
	published_init(&published);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "aggregate-%d", i);
		published_note(&published, "order", name, i + 1);
	}
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "aggregate-%d", i);
		assert_false(published_has(&published, "order", name, i + 2));
		if (i >= MANY - FEW)
			n_kept +=
			    published_has(&published, "order", name, i + 1);
	}
	assert_true(n_kept > FEW * 9 / 10);
	published_fini(&published);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_last_of_an_aggregate),
		cmocka_unit_test(many_aggregates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
