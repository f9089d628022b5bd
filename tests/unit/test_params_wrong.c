/* Each kind of wrong value gets one line that says what is allowed. */
#include "params_case.h"

#include "base/attr.h"

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_value_gets_one_line),
	};

	return cmocka_run_group_tests_name("params wrong", tests,
	                                   params_case_make_file,
	                                   params_case_remove_file);
}
