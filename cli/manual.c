/* `waybill manual`: its man pages, made from the tables of verbs and
 * parameters, so that they tell what --help tells. */
#include "commands.h"

#include "base/attr.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- roff ---- */

/* One code point of UTF-8 as roff has it; returns its bytes. The texts are our
 * own, so they are valid. */
static size_t
put_wide(const char *text)
{
	unsigned char lead = (unsigned char)text[0];
	size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
	unsigned code = lead & (0xFFu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3Fu);
	printf("\\[u%04X]", code);
	return n;
}

static void
put_text(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes;) {
		char c = text[i];

		if ((unsigned char)c >= 0x80) {
			i += put_wide(text + i);
			continue;
		}
		if (c == '-')
			printf("\\-");
		else if (c == '\\')
			printf("\\e");
		else if (c == '\'')
			printf("\\(aq");
		else if (c == '"')
			printf("\\(dq");
		else if (c == '.' && i == 0)
			printf("\\&.");
		else if (c == '^' || c == '`' || c == '~')
			printf("\\(%s", c == '^'   ? "ha"
			                : c == '`' ? "ga"
			                           : "ti");
		else
			putchar(c);
		i++;
	}
}

static void
put(const char *text)
{
	put_text(text, strlen(text));
}

/* Lines of --help: a blank one ends a paragraph, one that is indented stands as
 * it is. */
static void
put_lines(const char *text)
{
	bool is_verbatim = false;

	while (*text != '\0') {
		size_t bytes = strcspn(text, "\n");
		bool is_indented = bytes > 0 && text[0] == ' ';

		if (is_indented != is_verbatim)
			puts(is_indented ? ".nf" : ".fi");
		is_verbatim = is_indented;
		if (bytes == 0)
			printf(".PP");
		else
			put_text(text, bytes);
		putchar('\n');
		text += bytes + (text[bytes] == '\n');
	}
	if (is_verbatim)
		puts(".fi");
}

static void
put_head(const char *command, const char *summary)
{
	printf(".\\\" Made by: waybill manual%s%s\n.TH WAYBILL",
	       command[0] != '\0' ? " " : "", command);
	if (command[0] != '\0')
		printf("\\-");
	for (; *command != '\0'; command++)
		putchar(toupper((unsigned char)*command));
	printf(" 1 \"\" \"Waybill %s\" \"User Commands\"\n.SH NAME\n",
	       WB_VERSION);
	printf("waybill%s", summary);
}

/* ---- parameters ---- */

static const char *
value_of(const struct wb_param *param)
{
	static const char *const values[] = {
		[WB_PARAM_INT] = "N",
		[WB_PARAM_BOOL] = "",
		[WB_PARAM_TEXT] = "TEXT",
		[WB_PARAM_SECRET] = "SECRET",
	};

	return values[param->type];
}

static void
put_param(const struct wb_param *param)
{
	const char *value = value_of(param);

	printf(".TP\n\\fB\\-\\-");
	put(param->name);
	printf("\\fR%s\\fI%s\\fR\n", value[0] != '\0' ? "=" : "", value);
	put(param->help);
	if (param->def[0] != '\0' && param->type != WB_PARAM_BOOL) {
		printf(" (default ");
		put(param->def);
		if (param->unit[0] != '\0') {
			putchar(' ');
			put(param->unit);
		}
		putchar(')');
	}
	puts(".");
}

static void
put_set(const struct wb_param_set *set)
{
	for (size_t i = 0; i < set->n_params; i++)
		put_param(&set->params[i]);
}

/* ---- a command ---- */

static void
put_verb(const struct wb_command *command, const struct wb_verb *verb)
{
	struct wb_param_set own = { verb->params, verb->n_params, NULL };

	printf(".SS waybill ");
	put(command->name);
	printf("%s%s ", verb->name[0] != '\0' ? " " : "", verb->name);
	put(verb->arguments);
	putchar('\n');
	put(verb->summary);
	puts(".");
	if (command->default_verb != NULL &&
	    strcmp(command->default_verb, verb->name) == 0)
		puts("This is meant when no verb is given.");
	if (verb->details != NULL) {
		puts(".PP");
		put_lines(verb->details);
	}
	put_set(&own);
}

/* What its verbs share, once. */
static void
put_shared(const struct wb_command *command)
{
	struct wb_verb all = { .name = "" };
	struct wb_cli cli = { 0 };
	struct wb_param_set sets[WB_CLI_MAX_SETS];
	size_t n;

	for (size_t i = 0; i < command->n_verbs; i++)
		all.takes |= command->verbs[i].takes;
	n = wb_cli_sets(&all, &cli, NULL, sets);
	puts(".SH OPTIONS\nThe ones below are those of all verbs that ask a "
	     "server of that kind.\nEach option may also be given by the "
	     "environment: \\fB\\-\\-wait\\-ms\\fR as \\fBWB_WAIT_MS\\fR.\nA "
	     "value of type SECRET that begins with @ is the path of a file "
	     "that holds it.");
	for (size_t i = 0; i < n; i++)
		put_set(&sets[i]);
}

static void
put_exit_status(void)
{
	puts(".SH EXIT STATUS\n"
	     ".TP\n0\nDone, or what was checked holds.\n"
	     ".TP\n1\nCould not be done, or does not hold.\n"
	     ".TP\n2\nCalled wrongly; nothing was done.");
}

static void
put_command(const struct wb_command *command)
{
	put_head(command->name, "\\-");
	put(command->name);
	printf(" \\- ");
	put(command->summary);
	puts("\n.SH SYNOPSIS");
	for (size_t i = 0; i < command->n_verbs; i++) {
		const struct wb_verb *verb = &command->verbs[i];

		printf("%s\\fBwaybill ", i > 0 ? ".br\n" : "");
		put(command->name);
		printf("%s%s\\fR [\\-\\-\\fIoption\\fR=\\fIvalue\\fR ...] ",
		       verb->name[0] != '\0' ? " " : "", verb->name);
		put(verb->arguments);
		putchar('\n');
	}
	puts(".SH DESCRIPTION");
	for (size_t i = 0; i < command->n_verbs; i++)
		put_verb(command, &command->verbs[i]);
	put_shared(command);
	put_exit_status();
	puts(".SH SEE ALSO\n.BR waybill (1)");
}

/* ---- all of them ---- */

static void
put_overview(const struct wb_cli *cli)
{
	put_head("", " \\- the operator\\(aqs command line of Waybill");
	puts("\n.SH SYNOPSIS\n"
	     "\\fBwaybill\\fR \\fICOMMAND\\fR [\\fIVERB\\fR] "
	     "[\\-\\-\\fIoption\\fR=\\fIvalue\\fR ...] [\\fIargument\\fR ...]\n"
	     ".SH DESCRIPTION\n"
	     "What was asked for goes to the standard output, complaints go "
	     "to the standard error, a line each.\n"
	     "With \\fB\\-\\-json\\fR the output is JSON, for programs.\n"
	     "\\fB\\-\\-help\\fR behind a command or a verb tells all about "
	     "it.\n"
	     "Each command has a page of its own.");
	for (size_t i = 0; i < cli->n_commands; i++) {
		printf(".TP\n\\fBwaybill\\-");
		put(cli->commands[i]->name);
		printf("\\fR(1)\n");
		put(cli->commands[i]->summary);
		puts("");
	}
	put_exit_status();
	puts(".SH ENVIRONMENT\n"
	     "Each option may also be given by the environment: "
	     "\\fBWB_DSN\\fR is \\fB\\-\\-dsn\\fR.\n"
	     "\\fBWB_CONFIG\\fR names a file with lines "
	     "\\(dqname = value\\(dq, as \\fB\\-\\-config\\fR does.\n"
	     "The command line wins over the environment, the environment "
	     "over the file.\n"
	     "With \\fBNO_COLOR\\fR there are no colours.\n"
	     ".SH SEE ALSO\n.BR outbox\\-relay (1)");
}

static int
print_manual(struct wb_cli *cli, const void *params)
{
	(void)params;
	if (cli->n_args == 0) {
		put_overview(cli);
		return WB_CLI_DONE;
	}
	for (size_t i = 0; i < cli->n_commands; i++)
		if (strcmp(cli->commands[i]->name, cli->args[0]) == 0) {
			put_command(cli->commands[i]);
			return WB_CLI_DONE;
		}
	wb_cli_complain(cli, "there is no command \"%s\"", cli->args[0]);
	return WB_CLI_USAGE;
}

static const struct wb_verb verbs[] = {
	{ .name = "",
	  .arguments = "[COMMAND]",
	  .max_args = 1,
	  .summary = "print the man page of waybill, or of one command",
	  .details = "To read it: waybill manual dlq | man -l -",
	  .run = print_manual },
};

const struct wb_command wb_command_manual = {
	.name = "manual",
	.summary = "print the man page of waybill, or of one command",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
