/* From the words of a command line to a verb that runs. */
#include "cli.h"

#include "help.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "term.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what verbs call ---- */

void
wb_cli_complain(const struct wb_cli *cli, const char *fmt, ...)
{
	va_list args;

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: ", cli->name);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputs("\n", stderr);
}

int
wb_cli_fail(const struct wb_cli *cli, enum wb_err err,
            const struct wb_note *note)
{
	wb_cli_complain(cli, "%s",
	                note->text[0] != '\0' ? note->text : wb_err_text(err));
	return err == WB_ERR_BAD_CONFIG ? WB_CLI_USAGE : WB_CLI_FAILED;
}

struct wb_json *
wb_cli_json(struct wb_cli *cli)
{
	if (!cli->has_document) {
		cli->has_document = true;
		wb_json_init(&cli->json, stdout);
		wb_json_object(&cli->json, NULL);
	}
	return &cli->json;
}

struct wb_management *
wb_cli_management(struct wb_cli *cli)
{
	if (cli->management != NULL)
		return cli->management;
	if (cli->common.management_url[0] == '\0') {
		wb_cli_complain(cli, "needs --management-url");
		return NULL;
	}
	cli->management = wb_management_new(
	    cli->loop, cli->common.management_url, cli->common.wait_ms);
	return cli->management;
}

const char *
wb_style(const struct wb_cli *cli, enum wb_style style)
{
	return cli->has_colour ? wb_term_style(style) : "";
}

/* ---- running a verb ---- */

/* A pipe whose reader has gone tells so, also when that was found long ago. */
static bool
has_reader_left(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* What was printed must have arrived. A reader that has left (head) knows why
 * itself. */
static int
end_output(struct wb_cli *cli, int status)
{
	if (cli->has_document) {
		while (cli->json.depth > 0)
			wb_json_close(&cli->json);
		wb_json_end_line(&cli->json);
		wb_json_fini(&cli->json);
	}
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	if (!has_reader_left())
		wb_cli_complain(cli, "can't write: %s", strerror(errno));
	return status == WB_CLI_DONE ? WB_CLI_FAILED : status;
}

static bool
has_right_arguments(const struct wb_cli *cli)
{
	const struct wb_verb *verb = cli->verb;

	if (cli->n_args >= verb->min_args && cli->n_args <= verb->max_args)
		return true;
	if (verb->max_args == 0)
		wb_cli_complain(cli, "takes no argument: %s", cli->args[0]);
	else
		wb_cli_complain(cli, "usage: %s [--flag=value ...] %s",
		                cli->name, verb->arguments);
	return false;
}

static bool
read_brokers(struct wb_cli *cli)
{
	struct wb_note note = { "" };

	if (!(cli->verb->takes & WB_CLI_BROKER))
		return true;
	if (wb_amqp_params_check(&cli->amqp, &note) == WB_OK &&
	    wb_amqp_brokers_parse(cli->amqp.brokers, &cli->brokers, &note) ==
	        WB_OK)
		return true;
	wb_cli_complain(cli, "%s", note.text);
	return false;
}

static int
run(struct wb_cli *cli, const void *params)
{
	int status = WB_CLI_USAGE;

	if (!has_right_arguments(cli) || !read_brokers(cli))
		goto out;
	cli->is_json = cli->common.is_json;
	cli->has_colour = wb_term_has_colour(stdout);
	cli->loop = wb_loop_new();
	status = cli->verb->run(cli, params);
	wb_management_free(cli->management);
	wb_loop_free(cli->loop);
	status = end_output(cli, status);
out:
	wb_amqp_brokers_fini(&cli->brokers);
	return status;
}

static int
load_and_run(struct wb_cli *cli, int argc, char **argv)
{
	const struct wb_verb *verb = cli->verb;
	void *params = wb_zalloc(verb->params_bytes);
	struct wb_param_set sets[WB_CLI_MAX_SETS];
	size_t n_sets = wb_cli_sets(verb, cli, params, sets);
	struct wb_buf usage = { 0 };
	int rest = 0, status = WB_CLI_USAGE;

	wb_help_usage(&usage, verb);
	switch (wb_params_load(sets, n_sets, wb_buf_text(&usage), argc, argv,
	                       &rest)) {
	case WB_PARAMS_SHOWN:
		status = WB_CLI_DONE;
		break;
	case WB_PARAMS_WRONG:
		break;
	case WB_PARAMS_RUN:
		cli->n_args = (size_t)(argc - rest);
		cli->args = argv + rest;
		status = run(cli, params);
		break;
	}
	wb_params_free(sets, n_sets);
	wb_buf_fini(&usage);
	free(params);
	return status;
}

/* ---- finding it ---- */

static const struct wb_verb *
find_verb(const struct wb_command *command, const char *name)
{
	for (size_t i = 0; i < command->n_verbs; i++)
		if (strcmp(command->verbs[i].name, name) == 0)
			return &command->verbs[i];
	return NULL;
}

/* The index of the first word that is no flag; argc when there is none. */
static int
find_word(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0)
		i++;
	return i < argc && argv[i][0] != '-' ? i : argc;
}

static void
take_out(int *argc, char **argv, int i)
{
	memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof(*argv));
	(*argc)--;
}

static bool
has_flag(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

static void
complain_of_verb(const struct wb_command *command, const char *word)
{
	(void)fprintf(stderr,
	              "waybill %s: no verb%s%s%s, see waybill %s "
	              "--help\n",
	              command->name, word != NULL ? " \"" : "",
	              word != NULL ? word : "", word != NULL ? "\"" : "",
	              command->name);
}

/* Takes the verb's name out of argv. NULL: there is none, and *ret_status says
 * what to leave with. */
static const struct wb_verb *
choose_verb(const struct wb_command *command, int *argc, char **argv,
            int *ret_status)
{
	const struct wb_verb *verb = find_verb(command, "");
	int at = find_word(*argc, argv);
	const char *word = at < *argc ? argv[at] : NULL;

	if (verb != NULL)
		return verb;
	if (word != NULL)
		verb = find_verb(command, word);
	if (verb != NULL) {
		take_out(argc, argv, at);
		return verb;
	}
	if (word == NULL && has_flag(*argc, argv, "--help")) {
		wb_help_command(command);
		*ret_status = WB_CLI_DONE;
		return NULL;
	}
	if (command->default_verb != NULL)
		return find_verb(command, command->default_verb);
	complain_of_verb(command, word);
	*ret_status = WB_CLI_USAGE;
	return NULL;
}

static int
run_command(struct wb_cli *cli, int argc, char **argv)
{
	int status = WB_CLI_USAGE;

	cli->verb = choose_verb(cli->command, &argc, argv, &status);
	if (cli->verb == NULL)
		return status;
	(void)snprintf(cli->name, sizeof(cli->name), "waybill %s%s%s",
	               cli->command->name,
	               cli->verb->name[0] != '\0' ? " " : "", cli->verb->name);
	/* What --help calls it. */
	argv[0] = cli->name;
	return load_and_run(cli, argc, argv);
}

static const struct wb_command *
find_command(const struct wb_command *const *commands, size_t n_commands,
             const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* No command: what else could be meant? */
static int
answer_without_command(const struct wb_command *const *commands,
                       size_t n_commands, int argc, char **argv)
{
	if (has_flag(argc, argv, "--help")) {
		wb_help_commands(commands, n_commands);
		return WB_CLI_DONE;
	}
	if (has_flag(argc, argv, "--version")) {
		puts("waybill " WB_VERSION);
		return WB_CLI_DONE;
	}
	(void)fputs("waybill: no command, see waybill --help\n", stderr);
	return WB_CLI_USAGE;
}

/* "help" in front and "-h" anywhere are --help. */
static void
spell_out_help(int argc, char **argv, char *help)
{
	int at = find_word(argc, argv);

	if (at < argc && strcmp(argv[at], "help") == 0)
		argv[at] = help;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-h") == 0)
			argv[i] = help;
}

int
wb_cli_main(const struct wb_command *const *commands, size_t n_commands,
            int argc, char **argv)
{
	char **words = wb_memdup(argv, ((size_t)argc + 1) * sizeof(*argv));
	char help[] = "--help";
	struct wb_cli cli = { .commands = commands, .n_commands = n_commands };
	int at, status = WB_CLI_USAGE;

	spell_out_help(argc, words, help);
	at = find_word(argc, words);
	if (at == argc) {
		status =
		    answer_without_command(commands, n_commands, argc, words);
		goto out;
	}
	cli.command = find_command(commands, n_commands, words[at]);
	if (cli.command == NULL) {
		(void)fprintf(stderr,
		              "waybill: no command \"%s\", see waybill "
		              "--help\n",
		              words[at]);
		goto out;
	}
	take_out(&argc, words, at);
	status = run_command(&cli, argc, words);
out:
	free(words);
	return status;
}
