/* The clock is the test's: __wrap_wb_wall_us takes the place of wb_wall_us. */
#include "capture.h"

#include "base/attr.h"
#include "base/uuid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int64_t now_us = INT64_C(1795000000000000);

int64_t __wrap_wb_wall_us(void); /* NOLINT: the linker's name, --wrap */

int64_t
__wrap_wb_wall_us(void)
{
	return now_us;
}

static uint64_t
ms_of(const struct wb_uuid *uuid)
{
	uint64_t ms = 0;
	size_t i;

	for (i = 0; i < 6; i++)
		ms = ms << 8 | uuid->bytes[i];
	return ms;
}

static void
it_has_version_variant_and_time(void **state)
{
	struct wb_uuid uuid;
	char text[WB_UUID_TEXT_BYTES];

	(void)state;
	now_us += 5000;
	uuid = wb_uuid_v7();
	assert_int_equal(ms_of(&uuid), now_us / 1000);
	wb_uuid_format(&uuid, text);
	assert_int_equal(strlen(text), 36);
	assert_int_equal(text[14], '7');
	assert_non_null(strchr("89ab", text[19]));
	assert_false(wb_uuid_is_nil(&uuid));
}

/* n ids, each above the one before. */
static struct wb_uuid
draw(struct wb_uuid last, int n)
{
	for (; n > 0; n--) {
		struct wb_uuid next = wb_uuid_v7();

		assert_true(wb_uuid_compare(&last, &next) < 0);
		assert_true(wb_uuid_compare(&next, &last) > 0);
		assert_int_equal(next.bytes[6] >> 4, 7);
		assert_int_equal(next.bytes[8] >> 6, 2);
		last = next;
	}
	return last;
}

static void
ids_increase_whatever_the_clock_does(void **state)
{
	struct wb_uuid last = wb_uuid_v7();
	int64_t then_us;
	int i;

	(void)state;
	last = draw(last, 50000); /* it stands: the counter runs over */
	now_us += 1000000;
	then_us = now_us;
	last = draw(last, 10);
	now_us -= INT64_C(3600000000); /* it is set back by an hour */
	last = draw(last, 50000);
	now_us = then_us;
	for (i = 0; i < 2000; i++) {
		now_us += 300;
		last = draw(last, 3);
	}
	now_us = then_us + INT64_C(3600000000);
	last = draw(last, 1);
	assert_int_equal(ms_of(&last), now_us / 1000);
}

static void
text_and_bytes_go_round(void **state)
{
	static const char text[] = "0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5b";
	static const uint8_t bytes[] = { 0x01, 0x92, 0xFA, 0x3B, 0x4C, 0x5D,
		                         0x7E, 0x6F, 0x8A, 0x9B, 0x0C, 0x1D,
		                         0x2E, 0x3F, 0x4A, 0x5B };
	struct wb_uuid uuid, again;
	char back[WB_UUID_TEXT_BYTES];
	int i;

	(void)state;
	assert_true(wb_uuid_parse(text, &uuid));
	assert_memory_equal(uuid.bytes, bytes, sizeof(bytes));
	assert_ptr_equal(wb_uuid_format(&uuid, back), back);
	assert_string_equal(back, text);
	assert_true(
	    wb_uuid_parse("0192FA3B-4C5D-7E6F-8A9B-0C1D2E3F4A5B", &again));
	assert_int_equal(wb_uuid_compare(&uuid, &again), 0);
	for (i = 0; i < 1000; i++) {
		uuid = wb_uuid_v7();
		assert_true(wb_uuid_parse(wb_uuid_format(&uuid, back), &again));
		assert_memory_equal(&uuid, &again, sizeof(uuid));
	}
	assert_true(
	    wb_uuid_parse("00000000-0000-0000-0000-000000000000", &uuid));
	assert_true(wb_uuid_is_nil(&uuid));
}

static void
wrong_texts_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"0",
		"0192fa3b",
		"0192fa3b-",
		"0192fa3b4c5d7e6f8a9b0c1d2e3f4a5b",
		"0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5",
		"0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5b0",
		"0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5b ",
		" 0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5b",
		"0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5g",
		"0192fa3b_4c5d-7e6f-8a9b-0c1d2e3f4a5b",
		"0192fa3-b4c5d-7e6f-8a9b-0c1d2e3f4a5b",
		"{0192fa3b-4c5d-7e6f-8a9b-0c1d2e3f4a5b}",
	};
	struct wb_uuid uuid = { .bytes = { 42 } };
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		/* A copy on the heap: reading too far is seen. */
		char *text = strdup(cases[i]);

		assert_non_null(text);
		assert_false(wb_uuid_parse(text, &uuid));
		assert_int_equal(uuid.bytes[0], 42);
		free(text);
	}
}

static int
write_an_id(void *arg)
{
	struct wb_uuid uuid = wb_uuid_v7();

	(void)arg;
	return write(STDOUT_FILENO, uuid.bytes + 8, 8) == 8 ? 0 : 1;
}

static void
a_forked_child_draws_its_own(void **state)
{
	struct wb_uuid before = wb_uuid_v7(), after;
	struct capture got;

	(void)state;
	(void)before;
	capture_run(&got, write_an_id, NULL);
	assert_int_equal(got.exit_code, 0);
	after = wb_uuid_v7();
	assert_memory_not_equal(got.out, after.bytes + 8, 8);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_version_variant_and_time),
		cmocka_unit_test(ids_increase_whatever_the_clock_does),
		cmocka_unit_test(text_and_bytes_go_round),
		cmocka_unit_test(wrong_texts_are_refused),
		cmocka_unit_test(a_forked_child_draws_its_own),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
