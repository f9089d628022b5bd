#include "capture.h"

#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Without this AddressSanitizer would end the process where we want NULL. */
const char *__asan_default_options(void); /* NOLINT: the sanitizer's name */

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
memory_is_zeroed_and_copied(void **state)
{
	char *bytes = wb_zalloc(100), *text = wb_strdup("waybill");
	char *copy = wb_memdup("a\0b", 3), *empty = wb_memdup(NULL, 0);
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(bytes[i], 0);
	bytes = wb_realloc(bytes, 200);
	assert_int_equal(bytes[99], 0);
	assert_string_equal(text, "waybill");
	assert_memory_equal(copy, "a\0b", 3);
	assert_non_null(empty);
	free(bytes);
	free(text);
	free(copy);
	free(empty);
}

static void
nothing_is_never_null(void **state)
{
	void *none = wb_zalloc(0);

	(void)state;
	assert_non_null(none);
	none = wb_realloc(none, 0);
	assert_non_null(none);
	free(none);
}

static int
ask_for_too_much(void *arg)
{
	const int *is_realloc = arg;

	if (*is_realloc)
		free(wb_realloc(NULL, SIZE_MAX / 2));
	else
		free(wb_zalloc(SIZE_MAX / 2));
	return 0;
}

static void
no_memory_is_logged_and_aborts(void **state)
{
	struct capture got;
	int is_realloc;

	(void)state;
	for (is_realloc = 0; is_realloc <= 1; is_realloc++) {
		capture_run(&got, ask_for_too_much, &is_realloc);
		assert_int_equal(got.signum, SIGABRT);
		assert_contains(got.err,
		                "WB-ASSERT failed=\"out of memory\" bytes=");
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_copied),
		cmocka_unit_test(nothing_is_never_null),
		cmocka_unit_test(no_memory_is_logged_and_aborts),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
