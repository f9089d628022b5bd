/* `waybill topology`: declares, compares or prints the broker's topology. Here:
 * parameters and which part does what; the table is topology_table.h. */
#include "commands.h"
#include "topology_model.h"
#include "topology_run.h"
#include "topology_table.h"

#include "amqp/url.h"
#include "base/mem.h"
#include "base/params.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct params {
	char *management_url, *secrets_dir;
	int64_t wait_ms, rabbitmq_major;
};

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param table[] = {
	{ .name = "management-url",
	  .type = WB_PARAM_SECRET,
	  FIELD(management_url),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "the broker's management API, "
	          "http[s]://user:password@host:port, as an administrator" },
	{ .name = "secrets-dir",
	  .type = WB_PARAM_TEXT,
	  FIELD(secrets_dir),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "apply: where the passwords of the services' broker users "
	          "lie, a file per user and named as the user; empty: makes "
	          "no users" },
	{ .name = "wait-ms",
	  .type = WB_PARAM_INT,
	  FIELD(wait_ms),
	  .def = "30000",
	  .min = 100,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "longest wait for the broker, and for its answers" },
	{ .name = "rabbitmq-major",
	  .type = WB_PARAM_INT,
	  FIELD(rabbitmq_major),
	  .def = "0",
	  .min = 0,
	  .max = 99,
	  .unit = "",
	  .help = "export: the major version that the definitions are for; 0 "
	          "asks the broker" },
};

static const char usage[] =
    "[--flag=value ...] apply|check|export\n"
    "apply    declares exchange, queues and bindings; with --secrets-dir also\n"
    "         the services' users and their rights; with --management-url it\n"
    "         checks at the end.\n"
    "check    compares by --management-url and prints each difference.\n"
    "export   prints RabbitMQ definitions (without users).\n"
    "The vhost is that of the first broker of --amqp-brokers.";

struct job {
	struct params params;
	struct wb_amqp_params amqp;
	char *vhost;
	struct wb_loop *loop;
	struct wb_note note;
};

static int
complain(const char *text)
{
	(void)fprintf(stderr, "waybill topology: %s\n", text);
	return 1;
}

/* Users if their passwords are given, then the comparison. */
static int
manage(struct job *job, bool has_users)
{
	struct wb_management *management = wb_management_new(
	    job->loop, job->params.management_url, job->params.wait_ms);
	size_t differences = 0;
	enum wb_err err = WB_OK;

	if (has_users)
		err =
		    wb_topology_make_users(management, job->vhost,
		                           job->params.secrets_dir, &job->note);
	if (err == WB_OK && has_users)
		printf("%zu users and their rights set\n", wb_topology_n_users);
	if (err == WB_OK)
		err = wb_topology_compare(management, job->vhost, &differences,
		                          &job->note);
	wb_management_free(management);
	if (err != WB_OK)
		return complain(job->note.text);
	if (differences > 0)
		printf("differences: %zu\n", differences);
	else
		puts("the broker has what the table says");
	return differences == 0 ? 0 : 1;
}

static int
apply(struct job *job)
{
	const char *url = job->params.management_url;
	const char *secrets = job->params.secrets_dir;

	if (url[0] == '\0' && secrets[0] != '\0') {
		(void)complain("--secrets-dir needs --management-url");
		return 2;
	}
	if (wb_topology_declare(job->loop, &job->amqp, job->params.wait_ms,
	                        &job->note) != WB_OK)
		return complain(job->note.text);
	printf("declared: exchange %s, %zu queues, %zu bindings\n",
	       TOPOLOGY_EXCHANGE, wb_topology_n_queues(),
	       wb_topology_n_bindings);
	return url[0] == '\0' ? 0 : manage(job, secrets[0] != '\0');
}

static int
check(struct job *job)
{
	if (job->params.management_url[0] == '\0') {
		(void)complain("check needs --management-url");
		return 2;
	}
	return manage(job, false);
}

static int export(struct job *job)
{
	unsigned major = (unsigned)job->params.rabbitmq_major;
	struct wb_buf out = { 0 };

	if (major == 0 &&
	    wb_topology_ask_version(job->loop, &job->amqp, job->params.wait_ms,
	                            &major, &job->note) != WB_OK)
		return complain(job->note.text);
	wb_topology_print_definitions(&out, job->vhost, major);
	(void)fputs(wb_buf_text(&out), stdout);
	wb_buf_fini(&out);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct job *job);
} actions[] = {
	{ "apply", apply },
	{ "check", check },
	{ "export", export },
};

static int
act(struct job *job, const char *name)
{
	struct wb_amqp_brokers brokers = { 0 };
	int status = 2;
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].name, name) == 0)
			break;
	}
	if (i == WB_ARRAY_LEN(actions)) {
		(void)complain("needs one of apply, check, export");
		return 2;
	}
	if (wb_amqp_params_check(&job->amqp, &job->note) != WB_OK ||
	    wb_amqp_brokers_parse(job->amqp.brokers, &brokers, &job->note) !=
	        WB_OK) {
		(void)complain(job->note.text);
		goto out;
	}
	job->vhost = brokers.list[0].vhost;
	job->loop = wb_loop_new();
	status = actions[i].run(job);
	wb_loop_free(job->loop);
out:
	wb_amqp_brokers_fini(&brokers);
	return status;
}

static int
run(int argc, char **argv)
{
	struct job job = { 0 };
	const struct wb_param_set sets[] = {
		{ table, WB_ARRAY_LEN(table), &job.params },
		{ wb_amqp_params_table, wb_amqp_params_count, &job.amqp },
	};
	int rest = 0, status = 2;

	switch (wb_params_load(sets, WB_ARRAY_LEN(sets), usage, argc, argv,
	                       &rest)) {
	case WB_PARAMS_SHOWN:
		status = 0;
		break;
	case WB_PARAMS_WRONG:
		break;
	case WB_PARAMS_RUN:
		if (rest + 1 == argc)
			status = act(&job, argv[rest]);
		else
			(void)complain("needs one of apply, check, export");
		break;
	}
	wb_params_free(sets, WB_ARRAY_LEN(sets));
	return status;
}

const struct wb_command wb_command_topology = {
	.name = "topology",
	.summary = "declare, compare or print the broker's exchange and queues",
	.run = run,
};
