/* The frame of `waybill`: which verb runs with what, what --help shows, and the
 * two forms of output. */
#include "capture.h"

#include "cli.h"
#include "list.h"
#include "services.h"
#include "term.h"
#include "topology_model.h"

#include "base/attr.h"
#include "base/log.h"

#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- two commands, which tell how they were called ---- */

struct params {
	int64_t rate;
	char *reason;
};

static const struct wb_param params_table[] = {
	{ .name = "rate",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct params, rate),
	  .def = "5",
	  .max = 100,
	  .unit = "messages/s",
	  .help = "how many" },
	{ .name = "reason",
	  .type = WB_PARAM_TEXT,
	  .offset = offsetof(struct params, reason),
	  .def = "",
	  .max = 100,
	  .unit = "",
	  .help = "why" },
};

static int
replay(struct wb_cli *cli, const void *arg)
{
	const struct params *params = arg;

	printf("%s rate=%d reason=%s wait=%d json=%d args=%zu", cli->name,
	       (int)params->rate, params->reason, (int)cli->common.wait_ms,
	       cli->is_json, cli->n_args);
	for (size_t i = 0; i < cli->n_args; i++)
		printf(" %s", cli->args[i]);
	puts("");
	return WB_CLI_DONE;
}

static int
fail_it(struct wb_cli *cli, const void *params)
{
	struct wb_note note = { "" };

	(void)params;
	return cli->n_args == 0
	           ? wb_cli_fail(cli, WB_ERR_DB_LOST, &note)
	           : wb_cli_fail(cli,
	                         wb_fail(&note, WB_ERR_BAD_CONFIG, "no such %s",
	                                 cli->args[0]),
	                         &note);
}

static const struct wb_column columns[] = {
	{ "queue", "QUEUE", false },
	{ "age_ms", "AGE", true },
	{ "id", NULL, false },
	{ "reason", "REASON", false },
};

static int
list(struct wb_cli *cli, const void *params)
{
	struct wb_list *rows =
	    wb_list_new(cli, "queues", columns, WB_ARRAY_LEN(columns));

	(void)params;
	wb_list_text(rows, "orders\x1b[2J");
	wb_list_age_ms(rows, 61000);
	wb_list_i64(rows, 7);
	wb_list_text(rows, "zu gro\xc3\x9f");
	wb_list_text(rows, "x");
	wb_list_age_ms(rows, 90061000);
	wb_list_null(rows);
	wb_list_null(rows);
	wb_list_end(rows, NULL);
	if (cli->is_json)
		wb_json_bool(wb_cli_json(cli), "whole", true);
	return WB_CLI_DONE;
}

static const struct wb_verb dlq_verbs[] = {
	{ .name = "replay",
	  .arguments = "QUEUE [ID...]",
	  .min_args = 1,
	  .max_args = 3,
	  .summary = "send dead letters back",
	  .details = "One at a time.",
	  .params = params_table,
	  .n_params = WB_ARRAY_LEN(params_table),
	  .params_bytes = sizeof(struct params),
	  .run = replay },
	{ .name = "list",
	  .arguments = "",
	  .summary = "list them",
	  .run = list },
	{ .name = "fail",
	  .arguments = "[X]",
	  .max_args = 1,
	  .summary = "fail",
	  .run = fail_it },
};

static const struct wb_verb trace_verbs[] = {
	{ .name = "",
	  .arguments = "ORDER",
	  .min_args = 1,
	  .max_args = 1,
	  .summary = "tell an order's story",
	  .takes = WB_CLI_DATABASES | WB_CLI_BROKER | WB_CLI_MANAGEMENT,
	  .params = params_table,
	  .n_params = WB_ARRAY_LEN(params_table),
	  .params_bytes = sizeof(struct params),
	  .run = replay },
};

static const struct wb_command dlq = {
	.name = "dlq",
	.summary = "dead letters",
	.verbs = dlq_verbs,
	.n_verbs = WB_ARRAY_LEN(dlq_verbs),
};
static const struct wb_command trace = {
	.name = "trace",
	.summary = "an order",
	.verbs = trace_verbs,
	.n_verbs = WB_ARRAY_LEN(trace_verbs),
};
static const struct wb_command again = {
	.name = "again",
	.summary = "replay by default",
	.verbs = dlq_verbs,
	.n_verbs = WB_ARRAY_LEN(dlq_verbs),
	.default_verb = "replay",
};

static const struct wb_command *const commands[] = { &dlq, &trace, &again };

struct call {
	char text[256];
};

static int
call(void *arg)
{
	struct call *line = arg;
	char *words[32] = { NULL }, *rest = NULL;
	int n = 0;

	wb_log_setup("waybill", WB_LOG_ERROR);
	for (char *word = strtok_r(line->text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		words[n++] = word;
	return wb_cli_main(commands, WB_ARRAY_LEN(commands), n, words);
}

static struct capture captured;

static int
run(const char *line)
{
	struct call arg;

	(void)snprintf(arg.text, sizeof(arg.text), "%s", line);
	capture_run(&captured, call, &arg);
	return captured.exit_code;
}

/* ---- calling ---- */

static void
verb_gets_its_parameters_and_arguments(void **state)
{
	static const struct {
		const char *line, *printed;
	} cases[] = {
		{ "waybill dlq replay orders",
		  "waybill dlq replay rate=5 reason= wait=30000 json=0 args=1 "
		  "orders\n" },
		{ "waybill dlq replay --rate=7 orders a --json b --wait-ms 100",
		  "waybill dlq replay rate=7 reason= wait=100 json=1 args=3 "
		  "orders a b\n" },
		{ "waybill --json dlq replay q",
		  "waybill dlq replay rate=5 reason= wait=30000 json=1 args=1 "
		  "q\n" },
		{ "waybill trace list",
		  "waybill trace rate=5 reason= wait=30000 json=0 args=1 "
		  "list\n" },
		{ "waybill again q",
		  "waybill again replay rate=5 reason= wait=30000 json=0 "
		  "args=1 q\n" },
		{ "waybill again --reason why q",
		  "waybill again replay rate=5 reason=why wait=30000 json=0 "
		  "args=1 q\n" },
		{ "waybill dlq replay -- --odd",
		  "waybill dlq replay rate=5 reason= wait=30000 json=0 args=1 "
		  "--odd\n" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		assert_int_equal(run(cases[i].line), WB_CLI_DONE);
		assert_string_equal(captured.out, cases[i].printed);
		assert_string_equal(captured.err, "");
	}
}

/* One line that says what is wrong, and nothing on stdout. */
static void
wrong_calls_are_refused(void **state)
{
	static const struct {
		const char *line, *complaint;
	} cases[] = {
		{ "waybill", "waybill: no command" },
		{ "waybill nothing", "no command \"nothing\"" },
		{ "waybill dlq", "waybill dlq: no verb, see" },
		{ "waybill dlq repaly q", "waybill dlq: no verb \"repaly\"" },
		{ "waybill dlq replay", "usage: waybill dlq replay" },
		{ "waybill dlq replay a b c d", "QUEUE [ID...]" },
		{ "waybill dlq list x", "takes no argument: x" },
		{ "waybill dlq replay --speed=3 q", "speed" },
		{ "waybill dlq replay --rate=many q", "rate" },
		{ "waybill dlq list --dsn=x", "dsn" },
		{ "waybill trace --amqp-brokers=http://x y", "amqp://" },
		{ "waybill dlq fail thing",
		  "waybill dlq fail: no such thing\n" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		assert_int_equal(run(cases[i].line), WB_CLI_USAGE);
		assert_contains(captured.err, cases[i].complaint);
		assert_int_equal(capture_n_lines(captured.err), 1);
		assert_string_equal(captured.out, "");
	}
}

static void
failure_without_words_has_those_of_its_code(void **state)
{
	(void)state;
	assert_int_equal(run("waybill dlq fail"), WB_CLI_FAILED);
	assert_string_equal(captured.err,
	                    "waybill dlq fail: the database connection was "
	                    "lost\n");
}

static void
help_is_at_every_level(void **state)
{
	static const char *const of_all[] = { "waybill --help", "waybill -h",
		                              "waybill help" };
	static const char *const of_dlq[] = { "waybill dlq --help",
		                              "waybill help dlq",
		                              "waybill again --help" };
	static const char *const of_replay[] = { "waybill dlq replay --help",
		                                 "waybill dlq replay -h",
		                                 "waybill help dlq replay",
		                                 "waybill --help dlq replay" };

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(of_all); i++) {
		assert_int_equal(run(of_all[i]), WB_CLI_DONE);
		assert_contains(captured.out, "\n  trace        an order\n");
	}
	for (size_t i = 0; i < WB_ARRAY_LEN(of_dlq); i++) {
		assert_int_equal(run(of_dlq[i]), WB_CLI_DONE);
		assert_contains(captured.out, "  replay QUEUE [ID...]");
		assert_contains(captured.out, "send dead letters back");
	}
	assert_contains(captured.out, "send dead letters back (the default)");
	for (size_t i = 0; i < WB_ARRAY_LEN(of_replay); i++) {
		assert_int_equal(run(of_replay[i]), WB_CLI_DONE);
		assert_contains(captured.out, "waybill dlq replay: "
		                              "[--flag=value ...] QUEUE");
		assert_contains(captured.out, "One at a time.");
		assert_contains(captured.out, "--rate=N");
		assert_contains(captured.out, "--json=BOOL");
		assert_lacks(captured.out, "--dsn");
	}
	assert_int_equal(run("waybill trace --help"), WB_CLI_DONE);
	assert_contains(captured.out, "--dsn=SECRET");
	assert_contains(captured.out, "--management-url=SECRET");
	assert_contains(captured.out, "--amqp-brokers=SECRET");
	assert_int_equal(run("waybill --version"), WB_CLI_DONE);
	assert_string_equal(captured.out, "waybill " WB_VERSION "\n");
}

/* ---- output ---- */

static void
list_is_a_table_for_people(void **state)
{
	(void)state;
	assert_int_equal(run("waybill dlq list"), WB_CLI_DONE);
	assert_string_equal(captured.out, "QUEUE         AGE  REASON\n"
	                                  "orders [2J  1m01s  zu gro\xc3\x9f\n"
	                                  "x           1d01h  -\n");
}

static void
list_is_an_array_for_programs(void **state)
{
	(void)state;
	assert_int_equal(run("waybill dlq list --json"), WB_CLI_DONE);
	assert_string_equal(
	    captured.out,
	    "{\"queues\":[{\"queue\":\"orders\\u001b[2J\",\"age_ms\":61000,"
	    "\"id\":7,\"reason\":\"zu gro\xc3\x9f\"},{\"queue\":\"x\","
	    "\"age_ms\":90061000,\"id\":null,\"reason\":null}],"
	    "\"whole\":true}\n");
}

static void
json_nests_and_escapes(void **state)
{
	struct wb_json json = { 0 };

	(void)state;
	wb_json_object(&json, NULL);
	wb_json_array(&json, "a\"b");
	wb_json_i64(&json, NULL, INT64_MIN);
	wb_json_object(&json, NULL);
	wb_json_close(&json);
	wb_json_array(&json, NULL);
	wb_json_text(&json, NULL, "line\n");
	wb_json_double(&json, NULL, 0.25);
	wb_json_double(&json, NULL, 1e300 * 1e300);
	wb_json_close(&json);
	wb_json_close(&json);
	wb_json_raw(&json, "raw", "{\"x\":1}");
	wb_json_null(&json, "none");
	wb_json_bool(&json, "no", false);
	wb_json_close(&json);
	wb_json_end_line(&json);
	wb_json_object(&json, NULL);
	wb_json_close(&json);
	assert_string_equal(wb_buf_text(&json.text),
	                    "{\"a\\\"b\":[-9223372036854775808,{},[\"line\\n\","
	                    "0.25,null]],\"raw\":{\"x\":1},\"none\":null,"
	                    "\"no\":false}\n{}");
	wb_json_fini(&json);
}

/* A long document does not stay in memory. */
static void
json_is_written_as_it_comes(void **state)
{
	FILE *file = tmpfile();
	struct wb_json json;
	size_t most = 0;

	(void)state;
	assert_non_null(file);
	wb_json_init(&json, file);
	wb_json_array(&json, NULL);
	for (int i = 0; i < 100000; i++) {
		wb_json_text(&json, NULL, "some text of a row");
		if (json.text.len > most)
			most = json.text.len;
	}
	wb_json_close(&json);
	wb_json_end_line(&json);
	assert_true(most < 70000);
	assert_int_equal(ftell(file), 100000 * 21 + 2);
	wb_json_fini(&json);
	assert_int_equal(fclose(file), 0);
}

static void
ages_are_short(void **state)
{
	static const struct {
		int64_t age_ms;
		const char *text;
	} cases[] = {
		{ -5, "0.0s" },
		{ 0, "0.0s" },
		{ 449, "0.4s" },
		{ 9999, "10.0s" },
		{ 10000, "10s" },
		{ 59999, "59s" },
		{ 60000, "1m00s" },
		{ 3599000, "59m59s" },
		{ 3600000, "1h00m" },
		{ 86399000, "23h59m" },
		{ 86400000, "1d00h" },
		{ INT64_C(8640000000), "100d00h" },
		{ INT64_MAX, "106751991167d07h" },
	};
	char text[WB_TERM_AGE_BYTES];

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_string_equal(wb_term_age(cases[i].age_ms, text),
		                    cases[i].text);
}

static void
no_colours_but_on_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(run("waybill dlq list"), WB_CLI_DONE);
	assert_lacks(captured.out, "\033");
}

/* ---- the table of services ---- */

static void
services_have_the_queues_of_the_topology(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		const struct wb_service_row *service = &wb_services[i];

		assert_ptr_equal(wb_service_find(service->name), service);
		assert_contains(wb_service_names(), service->name);
		if (service->queue == NULL)
			continue;
		assert_true(wb_topology_has_queue(service->queue));
		assert_true(wb_topology_has_queue(service->dead_letters));
		n += 2;
	}
	assert_int_equal(n, wb_topology_n_queues());
	assert_null(wb_service_find("postgres"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verb_gets_its_parameters_and_arguments),
		cmocka_unit_test(wrong_calls_are_refused),
		cmocka_unit_test(failure_without_words_has_those_of_its_code),
		cmocka_unit_test(help_is_at_every_level),
		cmocka_unit_test(list_is_a_table_for_people),
		cmocka_unit_test(list_is_an_array_for_programs),
		cmocka_unit_test(json_nests_and_escapes),
		cmocka_unit_test(json_is_written_as_it_comes),
		cmocka_unit_test(ages_are_short),
		cmocka_unit_test(no_colours_but_on_a_terminal),
		cmocka_unit_test(services_have_the_queues_of_the_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
