/* Under AddressSanitizer each allocation is a block of its own; the release
 * build runs the same test on shared blocks. */
#include "capture.h"

#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool
is_zero(const unsigned char *data, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

/* Sizes around a block's and an alignment's edges. */
static const size_t sizes[] = { 0,     1,     7,      8,    15,   16,
	                        17,    100,   4095,   4096, 4097, 16383,
	                        16384, 16385, 100000, 3,    1 };
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void
memory_is_zeroed_aligned_and_apart(void **state)
{
	struct wb_arena *arena = wb_arena_new();
	unsigned char *all[N_SIZES];
	size_t round, i, j;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < N_SIZES; i++) {
			all[i] = wb_arena_alloc(arena, sizes[i]);
			assert_non_null(all[i]);
			assert_int_equal(
			    (uintptr_t)all[i] % alignof(max_align_t), 0);
			assert_true(is_zero(all[i], sizes[i]));
			memset(all[i], (int)i + 1, sizes[i]);
		}
		for (i = 0; i < N_SIZES; i++) {
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(all[i][j], i + 1);
		}
		wb_arena_reset(arena);
	}
	wb_arena_free(arena);
}

static void
many_small_ones_survive_each_other(void **state)
{
	struct wb_arena *arena = wb_arena_new();
	char *texts[2000];
	int i;

	(void)state;
	for (i = 0; i < 2000; i++)
		texts[i] = wb_arena_printf(arena, "text %d of %s", i, "many");
	for (i = 0; i < 2000; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "text %d of many", i);
		assert_string_equal(texts[i], want);
	}
	wb_arena_free(arena);
}

static void
texts_are_copied(void **state)
{
	struct wb_arena *arena = wb_arena_new();
	char long_text[20000];

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_string_equal(wb_arena_strdup(arena, ""), "");
	assert_string_equal(wb_arena_strdup(arena, "waybill"), "waybill");
	assert_string_equal(wb_arena_strndup(arena, "waybill", 3), "way");
	assert_string_equal(wb_arena_strndup(arena, "way", 10), "way");
	assert_string_equal(wb_arena_printf(arena, "%s", long_text), long_text);
	assert_string_equal(wb_arena_strdup(arena, long_text), long_text);
	wb_arena_free(arena);
}

static void
an_empty_arena_can_be_reset_and_freed(void **state)
{
	struct wb_arena *arena = wb_arena_new();

	(void)state;
	wb_arena_reset(arena);
	wb_arena_reset(arena);
	wb_arena_free(arena);
	wb_arena_free(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(many_small_ones_survive_each_other),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(an_empty_arena_can_be_reset_and_freed),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
