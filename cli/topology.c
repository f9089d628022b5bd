/* `waybill topology`: declares, compares or prints the broker's topology. Here:
 * parameters and which part does what; the table is topology_table.h. */
#include "commands.h"
#include "topology_model.h"
#include "topology_run.h"
#include "topology_table.h"

#include "base/attr.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct params {
	char *secrets_dir, *table;
	int64_t rabbitmq_major;
};

#define FIELD(name) .offset = offsetof(struct params, name)

#define TABLE_PARAM                                                            \
	{                                                                      \
		.name = "table", .type = WB_PARAM_TEXT, FIELD(table),          \
		.def = "", .max = 4096, .unit = "",                            \
		.help = "a file with other consumers than the shop's: on "     \
		        "each line a consumer and the types of the events "    \
		        "that it gets"                                         \
	}

static const struct wb_param apply_params[] = {
	TABLE_PARAM,
	{ .name = "secrets-dir",
	  .type = WB_PARAM_TEXT,
	  FIELD(secrets_dir),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "where the passwords of the services' broker users lie, a "
	          "file per user and named as the user; empty: makes no "
	          "users" },
};

static const struct wb_param check_params[] = { TABLE_PARAM };

static const struct wb_param export_params[] = {
	TABLE_PARAM,
	{ .name = "rabbitmq-major",
	  .type = WB_PARAM_INT,
	  FIELD(rabbitmq_major),
	  .def = "0",
	  .min = 0,
	  .max = 99,
	  .unit = "",
	  .help = "the major version that the definitions are for; 0 asks the "
	          "broker" },
};

/* False: it can't be had, which has been told. */
static bool
use_table(struct wb_cli *cli, const struct params *params, int *ret_status)
{
	struct wb_note note = { "" };
	enum wb_err err;

	if (params->table[0] == '\0')
		return true;
	err = wb_topology_load(params->table, &note);
	if (err != WB_OK)
		*ret_status = wb_cli_fail(cli, err, &note);
	return err == WB_OK;
}

static const char *
vhost_of(const struct wb_cli *cli)
{
	return cli->brokers.list[0].vhost;
}

static void
tell_users(struct wb_cli *cli)
{
	size_t n = wb_topology_n_users();

	if (cli->is_json)
		wb_json_i64(wb_cli_json(cli), "users", (int64_t)n);
	else
		printf("%zu users and their rights set\n", n);
}

static void
tell_declared(struct wb_cli *cli)
{
	size_t n_queues = wb_topology_n_queues();
	struct wb_json *json;

	if (!cli->is_json) {
		printf("declared: exchange %s, %zu queues, %zu bindings\n",
		       TOPOLOGY_EXCHANGE, n_queues, wb_topology_n_bindings);
		return;
	}
	json = wb_cli_json(cli);
	wb_json_text(json, "exchange", TOPOLOGY_EXCHANGE);
	wb_json_i64(json, "queues", (int64_t)n_queues);
	wb_json_i64(json, "bindings", (int64_t)wb_topology_n_bindings);
}

struct comparison {
	struct wb_cli *cli;
	struct wb_json list; /* kept back: after a failure it says nothing */
	size_t differences;
};

static void
tell_difference(void *arg, const char *difference)
{
	struct comparison *comparison = arg;

	if (comparison->cli->is_json)
		wb_json_text(&comparison->list, NULL, difference);
	else
		puts(difference);
	comparison->differences++;
}

static int
compare(struct wb_cli *cli, struct wb_management *management)
{
	struct comparison comparison = { .cli = cli };
	struct wb_note note = { "" };
	enum wb_err err;

	wb_json_array(&comparison.list, NULL);
	err = wb_topology_compare(management, vhost_of(cli), tell_difference,
	                          &comparison, &note);
	wb_json_close(&comparison.list);
	if (err == WB_OK && cli->is_json)
		wb_json_raw(wb_cli_json(cli), "differences",
		            wb_buf_text(&comparison.list.text));
	wb_json_fini(&comparison.list);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	if (!cli->is_json && comparison.differences > 0)
		printf("differences: %zu\n", comparison.differences);
	else if (!cli->is_json)
		puts("the broker has what the table says");
	return comparison.differences == 0 ? WB_CLI_DONE : WB_CLI_FAILED;
}

/* Users if their passwords are given, then the comparison. */
static int
manage(struct wb_cli *cli, const char *secrets_dir)
{
	struct wb_management *management = wb_cli_management(cli);
	struct wb_note note = { "" };
	enum wb_err err;

	if (management == NULL)
		return WB_CLI_USAGE;
	if (secrets_dir[0] != '\0') {
		err = wb_topology_make_users(management, vhost_of(cli),
		                             secrets_dir, &note);
		if (err != WB_OK)
			return wb_cli_fail(cli, err, &note);
		tell_users(cli);
	}
	return compare(cli, management);
}

static int
apply(struct wb_cli *cli, const void *arg)
{
	const struct params *params = arg;
	const char *url = cli->common.management_url;
	struct wb_note note = { "" };
	enum wb_err err;
	int status;

	if (!use_table(cli, params, &status))
		return status;
	if (url[0] == '\0' && params->secrets_dir[0] != '\0') {
		wb_cli_complain(cli, "--secrets-dir needs --management-url");
		return WB_CLI_USAGE;
	}
	err = wb_topology_declare(cli->loop, &cli->amqp, cli->common.wait_ms,
	                          &note);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	tell_declared(cli);
	return url[0] == '\0' ? WB_CLI_DONE : manage(cli, params->secrets_dir);
}

static int
check(struct wb_cli *cli, const void *params)
{
	int status;

	return use_table(cli, params, &status) ? manage(cli, "") : status;
}

static int export(struct wb_cli *cli, const void *arg)
{
	const struct params *params = arg;
	unsigned major = (unsigned)params->rabbitmq_major;
	struct wb_buf out = { 0 };
	struct wb_note note = { "" };
	enum wb_err err = WB_OK;
	int status;

	if (!use_table(cli, params, &status))
		return status;
	if (major == 0)
		err = wb_topology_ask_version(
		    cli->loop, &cli->amqp, cli->common.wait_ms, &major, &note);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	wb_topology_print_definitions(&out, vhost_of(cli), major);
	(void)fputs(wb_buf_text(&out), stdout);
	wb_buf_fini(&out);
	return WB_CLI_DONE;
}

static const char vhost_text[] =
    "The vhost is that of the first broker of --amqp-brokers.";

static const struct wb_verb verbs[] = {
	{ .name = "apply",
	  .arguments = "",
	  .summary = "declare exchange, queues and bindings",
	  .details = "With --secrets-dir also the services' broker users and "
	             "their rights; with\n--management-url it checks at the "
	             "end. The vhost is that of the first broker of\n"
	             "--amqp-brokers.",
	  .takes = WB_CLI_BROKER | WB_CLI_MANAGEMENT,
	  .params = apply_params,
	  .n_params = WB_ARRAY_LEN(apply_params),
	  .params_bytes = sizeof(struct params),
	  .run = apply },
	{ .name = "check",
	  .arguments = "",
	  .summary = "print each difference between the broker and the table",
	  .details = vhost_text,
	  .takes = WB_CLI_BROKER | WB_CLI_MANAGEMENT,
	  .params = check_params,
	  .n_params = WB_ARRAY_LEN(check_params),
	  .params_bytes = sizeof(struct params),
	  .run = check },
	{ .name = "export",
	  .arguments = "",
	  .summary = "print RabbitMQ definitions (without users)",
	  .details = vhost_text,
	  .takes = WB_CLI_BROKER,
	  .params = export_params,
	  .n_params = WB_ARRAY_LEN(export_params),
	  .params_bytes = sizeof(struct params),
	  .run = export },
};

const struct wb_command wb_command_topology = {
	.name = "topology",
	.summary = "declare, compare or print the broker's exchange and queues",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
