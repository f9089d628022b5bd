/* Where values come from, which one wins, and what is printed. */
#include "params_case.h"

#include "base/attr.h"

#include <stdio.h>
#include <string.h>

static void
defaults_stand_without_anything(void **state)
{
	struct capture got;

	(void)state;
	run_load(&got, (struct run){ .file = NULL });
	assert_int_equal(got.exit_code, WB_PARAMS_RUN);
	assert_string_equal(got.out, "prefetch=100 offset=0 fast=0 "
	                             "queue=orders password= pool=2\n");
	assert_string_equal(got.err, "");
}

static void
later_sources_win(void **state)
{
	static const struct run runs[] = {
		{ .args = { "--config=FILE" }, .file = "prefetch = 2\n" },
		{ .args = { "--config=FILE" },
		  .file = "prefetch = 2\n",
		  .env = { "WB_PREFETCH=3" } },
		{ .args = { "--config=FILE", "--prefetch=4" },
		  .file = "prefetch = 2\n",
		  .env = { "WB_PREFETCH=3" } },
		{ .args = { "--prefetch=9", "--config=FILE", "--prefetch=5" },
		  .file = "prefetch = 2\n",
		  .env = { "WB_PREFETCH=3" } },
		{ .args = { "--prefetch=6" }, .env = { "WB_PREFETCH=3" } },
		/* An overruled value is not looked at. */
		{ .args = { "--prefetch=7" }, .env = { "WB_PREFETCH=x" } },
		{ .env = { "WB_CONFIG=FILE" }, .file = "prefetch=8" },
	};
	static const char *const wants[] = {
		"2", "3", "4", "5", "6", "7", "8"
	};
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(runs); i++) {
		char want[32];

		run_load(&got, runs[i]);
		(void)snprintf(want, sizeof(want), "prefetch=%s ", wants[i]);
		assert_contains(got.out, want);
		assert_string_equal(got.err, "");
	}
}

static void
flags_have_both_forms(void **state)
{
	static const struct run runs[] = {
		{ .args = { "--prefetch=7", "--queue=a b", "--fast=yes",
		            "--password=x=y", "--pool-size=3" } },
		{ .args = { "--prefetch", "7", "--queue", "a b", "--fast",
		            "--password=x=y", "--pool-size=3" } },
		{ .args = { "--fast", "on", "--prefetch=7", "--queue=a b",
		            "--pool-size", "3", "--password=x=y" } },
	};
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(runs); i++) {
		run_load(&got, runs[i]);
		assert_string_equal(got.out,
		                    "prefetch=7 offset=0 fast=1 queue=a b "
		                    "password=x=y pool=3\n");
	}
}

static void
booleans_have_eight_words(void **state)
{
	static const char *const words[] = { "--fast=true",  "--fast=1",
		                             "--fast=yes",   "--fast=on",
		                             "--fast=false", "--fast=0",
		                             "--fast=no",    "--fast=off" };
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(words); i++) {
		run_load(&got, (struct run){ .args = { words[i] } });
		assert_contains(got.out, i < 4 ? " fast=1 " : " fast=0 ");
	}
}

static void
the_file_allows_comments_and_blanks(void **state)
{
	struct capture got;

	(void)state;
	run_load(&got, (struct run){ .args = { "--config", "FILE" },
	                             .file = "# prefetch = 1\n"
	                                     "\n"
	                                     "  prefetch =  12 \r\n"
	                                     "\tqueue=a=#b\n"
	                                     "clock-offset = -5\n"
	                                     "password =\n"
	                                     "fast = on" });
	assert_string_equal(got.out, "prefetch=12 offset=-5 fast=1 queue=a=#b "
	                             "password= pool=2\n");
}

static void
a_secret_comes_from_its_file(void **state)
{
	static const char *const texts[] = { "hunter22", "hunter22\n",
		                             "hunter22\r\n" };
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(texts); i++) {
		run_load(&got, (struct run){ .args = { "--password=@FILE" },
		                             .file = texts[i] });
		assert_contains(got.out, " password=hunter22 ");
		run_load(&got, (struct run){ .env = { "WB_PASSWORD=@FILE" },
		                             .file = texts[i] });
		assert_contains(got.out, " password=hunter22 ");
	}
	/* Only a secret's @ means a file. */
	run_load(&got, (struct run){ .args = { "--queue=@x" } });
	assert_contains(got.out, " queue=@x ");
}

static void
a_password_is_never_shown(void **state)
{
	static const struct run runs[] = {
		{ .args = { "--password=geheim", "--print-config" } },
		{ .args = { "--password=geheim-geheim" } },
		{ .args = { "--password=geheim", "--prefetch=0" } },
		{ .args = { "--password=@FILE", "--print-config" },
		  .file = "geheim" },
		{ .args = { "--password=@FILE" }, .file = "geheim-geheim" },
		{ .env = { "WB_PASSWORD=geheim" }, .args = { "--help" } },
	};
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(runs); i++) {
		run_load(&got, runs[i]);
		assert_lacks(got.out, "geheim");
		assert_lacks(got.err, "geheim");
	}
}

static void
the_rest_is_moved_behind_the_flags(void **state)
{
	struct capture got;

	(void)state;
	run_load(&got,
	         (struct run){ .args = { "dlq", "--prefetch", "7", "list",
	                                 "--fast", "orders", "--", "--x" },
	                       .takes_rest = true });
	assert_int_equal(got.exit_code, WB_PARAMS_RUN);
	assert_contains(got.out, "prefetch=7 offset=0 fast=1 ");
	assert_contains(got.out, "\nrest=dlq\nrest=list\nrest=orders\n"
	                         "rest=--x\n");
	run_load(&got,
	         (struct run){ .args = { "--fast" }, .takes_rest = true });
	assert_int_equal(capture_n_lines(got.out), 1);
}

static void
help_shows_each_parameter(void **state)
{
	struct capture got;
	size_t i;

	(void)state;
	run_load(&got, (struct run){ .args = { "--help" } });
	assert_int_equal(got.exit_code, WB_PARAMS_SHOWN);
	assert_contains(got.out, "thing: does a thing.\n");
	for (i = 0; i < PARAMS_CASE_ROWS; i++) {
		assert_contains(got.out, params_case_rows[i].name);
		assert_contains(got.out, params_case_rows[i].help);
	}
	assert_contains(got.out, "WB_CLOCK_OFFSET, default 0; ");
	assert_contains(got.out, "default 100; a whole number from 1 to 65535 "
	                         "messages\n");
	assert_contains(got.out, "--pool-size=N");
	assert_contains(got.out, "--config=FILE");
}

static void
version_is_that_of_the_build(void **state)
{
	struct capture got;

	(void)state;
	run_load(&got, (struct run){ .args = { "--version" } });
	assert_int_equal(got.exit_code, WB_PARAMS_SHOWN);
	assert_string_equal(got.out, WB_VERSION "\n");
}

static void
the_printed_config_can_be_loaded(void **state)
{
	struct capture got;
	char first[CAPTURE_BYTES];

	(void)state;
	run_load(&got, (struct run){ .args = { "--queue=a b", "--fast",
	                                       "--print-config" },
	                             .env = { "WB_PREFETCH=5" } });
	assert_int_equal(got.exit_code, WB_PARAMS_SHOWN);
	assert_contains(got.out, "# environment\nprefetch = 5\n");
	assert_contains(got.out, "# flag\nqueue = a b\n");
	assert_contains(got.out, "# default\npool-size = 2\n");
	memcpy(first, got.out, sizeof(first));
	run_load(&got,
	         (struct run){ .args = { "--config=FILE" }, .file = first });
	assert_string_equal(got.out, "prefetch=5 offset=0 fast=1 queue=a b "
	                             "password= pool=2\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand_without_anything),
		cmocka_unit_test(later_sources_win),
		cmocka_unit_test(flags_have_both_forms),
		cmocka_unit_test(booleans_have_eight_words),
		cmocka_unit_test(the_file_allows_comments_and_blanks),
		cmocka_unit_test(a_secret_comes_from_its_file),
		cmocka_unit_test(a_password_is_never_shown),
		cmocka_unit_test(the_rest_is_moved_behind_the_flags),
		cmocka_unit_test(help_shows_each_parameter),
		cmocka_unit_test(version_is_that_of_the_build),
		cmocka_unit_test(the_printed_config_can_be_loaded),
	};

	return cmocka_run_group_tests_name(
	    "params", tests, params_case_make_file, params_case_remove_file);
}
