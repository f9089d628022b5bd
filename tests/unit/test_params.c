/* Each load runs in a child: it prints, reads the environment, and must leave
 * nothing behind (LeakSanitizer looks when the child leaves). */
#include "capture.h"

#include "base/attr.h"
#include "base/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	int64_t prefetch, offset;
	bool is_fast;
	char *queue, *password;
};

struct more_settings {
	int64_t pool_size;
};

static const struct wb_param rows[] = {
	{ .name = "prefetch",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct settings, prefetch),
	  .def = "100",
	  .min = 1,
	  .max = 65535,
	  .unit = "messages",
	  .help = "Unacked messages | at once." },
	{ .name = "clock-offset",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct settings, offset),
	  .def = "0",
	  .min = INT64_MIN,
	  .max = INT64_MAX,
	  .unit = "ms",
	  .help = "Any number." },
	{ .name = "fast",
	  .type = WB_PARAM_BOOL,
	  .offset = offsetof(struct settings, is_fast),
	  .def = "false",
	  .unit = "",
	  .help = "Be fast." },
	{ .name = "queue",
	  .type = WB_PARAM_TEXT,
	  .offset = offsetof(struct settings, queue),
	  .def = "orders",
	  .min = 1,
	  .max = 8,
	  .unit = "",
	  .help = "The queue." },
	{ .name = "password",
	  .type = WB_PARAM_SECRET,
	  .offset = offsetof(struct settings, password),
	  .def = "",
	  .max = 8,
	  .unit = "",
	  .help = "The password." },
};

static const struct wb_param more_rows[] = {
	{ .name = "pool-size",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct more_settings, pool_size),
	  .def = "2",
	  .min = 1,
	  .max = 64,
	  .unit = "connections",
	  .help = "Pool." },
};

/* One load: the arguments, the environment ("NAME=value" pairs) and the text
 * of the file that "--config=FILE" names. */
struct run {
	const char *args[8];
	const char *env[4];
	const char *file;
	bool takes_rest;
};

static char file_path[] = "/tmp/wb-test-params-XXXXXX";

static void
write_file(const char *text)
{
	FILE *file = fopen(file_path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int
make_file(void **state)
{
	int fd = mkstemp(file_path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(file_path);
}

static char *
at_file(const char *arg)
{
	static char texts[4][128];
	static size_t n;
	const char *mark = strstr(arg, "FILE");
	char *text = texts[n++ % WB_ARRAY_LEN(texts)];

	(void)snprintf(text, sizeof(texts[0]), "%.*s%s",
	               mark == NULL ? (int)strlen(arg) : (int)(mark - arg), arg,
	               mark == NULL ? "" : file_path);
	return text;
}

static int
load_and_print(void *arg)
{
	const struct run *run = arg;
	struct settings settings;
	struct more_settings more;
	const struct wb_param_set sets[] = {
		{ rows, WB_ARRAY_LEN(rows), &settings },
		{ more_rows, WB_ARRAY_LEN(more_rows), &more },
	};
	char program[] = "/usr/bin/thing", texts[8][160];
	char *argv[10] = { program };
	int argc = 1, rest = -1, i;
	enum wb_params_end end;

	/* The targets need not be zeroed. */
	memset(&settings, 0xA5, sizeof(settings));
	memset(&more, 0xA5, sizeof(more));
	for (i = 0; i < 4 && run->env[i] != NULL; i++) {
		char *equals, *pair = at_file(run->env[i]);

		equals = pair + strcspn(pair, "=");
		*equals = '\0';
		(void)setenv(pair, equals + 1, 1);
	}
	for (i = 0; i < 8 && run->args[i] != NULL; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "%s",
		               at_file(run->args[i]));
		argv[argc++] = texts[i];
	}
	end = wb_params_load(sets, WB_ARRAY_LEN(sets), "does a thing.", argc,
	                     argv, run->takes_rest ? &rest : NULL);
	if (end == WB_PARAMS_RUN) {
		printf("prefetch=%lld offset=%lld fast=%d queue=%s "
		       "password=%s pool=%lld\n",
		       (long long)settings.prefetch, (long long)settings.offset,
		       (int)settings.is_fast, settings.queue, settings.password,
		       (long long)more.pool_size);
		for (i = rest; i >= 0 && i < argc; i++)
			printf("rest=%s\n", argv[i]);
	}
	wb_params_free(sets, WB_ARRAY_LEN(sets));
	return (int)end;
}

static void
run_load(struct capture *got, struct run run)
{
	if (run.file != NULL)
		write_file(run.file);
	capture_run(got, load_and_print, &run);
}

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

struct wrong {
	struct run run;
	const char *param, *value, *allowed;
};

static const struct wrong wrongs[] = {
	{ { .args = { "--prefetch=0" } },
	  "param=prefetch",
	  "value=\"0\"",
	  "a whole number from 1 to 65535 messages" },
	{ { .args = { "--prefetch=65536" } },
	  "param=prefetch",
	  "value=\"65536\"",
	  "from 1 to 65535" },
	{ { .args = { "--prefetch=-1" } },
	  "param=prefetch",
	  "value=\"-1\"",
	  "from 1 to 65535" },
	{ { .args = { "--prefetch=99999999999999999999" } },
	  "param=prefetch",
	  "value=\"99999999999999999999\"",
	  "from 1 to 65535" },
	{ { .args = { "--clock-offset=9223372036854775808" } },
	  "param=clock-offset",
	  "value=\"9223372036854775808\"",
	  "to 9223372036854775807 ms" },
	{ { .args = { "--prefetch=abc" } },
	  "param=prefetch",
	  "value=\"abc\"",
	  "a whole number" },
	{ { .args = { "--prefetch=1x" } },
	  "param=prefetch",
	  "value=\"1x\"",
	  "a whole number" },
	{ { .args = { "--prefetch= 1" } },
	  "param=prefetch",
	  "value=\" 1\"",
	  "a whole number" },
	{ { .args = { "--prefetch=+1" } },
	  "param=prefetch",
	  "value=\"+1\"",
	  "a whole number" },
	{ { .args = { "--prefetch=1.5" } },
	  "param=prefetch",
	  "value=\"1.5\"",
	  "a whole number" },
	{ { .args = { "--prefetch=" } },
	  "param=prefetch",
	  "value=\"\"",
	  "a whole number" },
	{ { .args = { "--prefetch" } },
	  "param=prefetch",
	  "value=\"\"",
	  "a whole number" },
	{ { .env = { "WB_PREFETCH=" } },
	  "param=prefetch",
	  "value=\"\"",
	  "source=environment" },
	{ { .args = { "--config=FILE" }, .file = "prefetch = many" },
	  "param=prefetch",
	  "value=\"many\"",
	  "source=file" },
	{ { .args = { "--fast=maybe" } },
	  "param=fast",
	  "value=\"maybe\"",
	  "true, false, 1, 0, yes, no, on or off" },
	{ { .env = { "WB_FAST=TRUE" } },
	  "param=fast",
	  "value=\"TRUE\"",
	  "true, false" },
	{ { .args = { "--queue=" } },
	  "param=queue",
	  "value=\"\"",
	  "a text of 1 to 8 bytes" },
	{ { .args = { "--queue=ninebytes" } },
	  "param=queue",
	  "value=\"ninebytes\"",
	  "a text of 1 to 8 bytes" },
	{ { .args = { "--queue=a\nb=12345" } },
	  "param=queue",
	  "value=\"a b=12345\"",
	  "a text of 1 to 8 bytes" },
	{ { .args = { "--password=ninebytes" } },
	  "param=password",
	  "value=\"***\"",
	  "a text of 0 to 8 bytes, or @ and the path" },
	{ { .args = { "--password=@/nowhere" } },
	  "param=password",
	  "value=\"@/nowhere\"",
	  "No such file or directory" },
	{ { .args = { "--password=@/tmp" } },
	  "param=password",
	  "value=\"@/tmp\"",
	  "Is a directory" },
	{ { .args = { "--password=@FILE" }, .file = "ninebytes" },
	  "param=password",
	  "value=\"@/tmp/",
	  "0 to 8 bytes" },
	{ { .args = { "--password=@FILE" }, .file = "much too long" },
	  "param=password",
	  "value=\"@/tmp/",
	  "the file is too long" },
	{ { .args = { "--prefetsch=1" } },
	  "param=--prefetsch=1",
	  "value=\"\"",
	  "what --help shows" },
	{ { .args = { "--pre=1" } },
	  "param=--pre=1",
	  "value=\"\"",
	  "what --help shows" },
	{ { .args = { "--=1" } },
	  "param=--=1",
	  "value=\"\"",
	  "what --help shows" },
	{ { .args = { "extra" } },
	  "param=argument",
	  "value=\"extra\"",
	  "only --name=value" },
	{ { .args = { "--", "--prefetch=1" } },
	  "param=argument",
	  "value=\"--prefetch=1\"",
	  "only --name=value" },
	{ { .args = { "-p" } },
	  "param=argument",
	  "value=\"-p\"",
	  "only --name=value" },
	{ { .args = { "--config" } },
	  "param=config",
	  "value=\"\"",
	  "the path of a file" },
	{ { .args = { "--config=/nowhere" } },
	  "param=config",
	  "value=\"/nowhere\"",
	  "No such file or directory" },
	{ { .args = { "--config=FILE" }, .file = "\nprefetsch = 1\n" },
	  "param=prefetsch",
	  ":2\"",
	  "what --help shows" },
	{ { .args = { "--config=FILE" }, .file = "fast\n" },
	  "param=config",
	  ":1\"",
	  "lines `name = value`" },
};

static void
a_wrong_value_gets_one_line(void **state)
{
	struct capture got;
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(wrongs); i++) {
		run_load(&got, wrongs[i].run);
		assert_int_equal(got.exit_code, WB_PARAMS_WRONG);
		assert_string_equal(got.out, "");
		assert_int_equal(capture_n_lines(got.err), 1);
		assert_contains(got.err, " error - WB-CONFIG param=");
		assert_contains(got.err, wrongs[i].param);
		assert_contains(got.err, wrongs[i].value);
		assert_contains(got.err, wrongs[i].allowed);
	}
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
	for (i = 0; i < WB_ARRAY_LEN(rows); i++) {
		assert_contains(got.out, rows[i].name);
		assert_contains(got.out, rows[i].help);
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

static int
print_markdown(void *arg)
{
	const struct wb_param_set set = { rows, WB_ARRAY_LEN(rows), NULL };

	(void)arg;
	wb_params_print_markdown(&set, 1);
	return 0;
}

static void
markdown_has_a_row_per_parameter(void **state)
{
	struct capture got;

	(void)state;
	capture_run(&got, print_markdown, NULL);
	assert_int_equal(capture_n_lines(got.out), (int)WB_ARRAY_LEN(rows));
	assert_contains(got.out, "| `--prefetch` | `WB_PREFETCH` | `100` | "
	                         "a whole number from 1 to 65535 messages | "
	                         "Unacked messages \\| at once. |\n");
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
		cmocka_unit_test(a_wrong_value_gets_one_line),
		cmocka_unit_test(a_password_is_never_shown),
		cmocka_unit_test(the_rest_is_moved_behind_the_flags),
		cmocka_unit_test(help_shows_each_parameter),
		cmocka_unit_test(version_is_that_of_the_build),
		cmocka_unit_test(the_printed_config_can_be_loaded),
		cmocka_unit_test(markdown_has_a_row_per_parameter),
	};

	return cmocka_run_group_tests_name("params", tests, make_file,
	                                   remove_file);
}
