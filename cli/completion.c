/* `waybill completion`: scripts that complete its command lines in a shell,
 * made from the tables of verbs and parameters. */
#include "commands.h"

#include "base/attr.h"
#include "services.h"

#include <stdio.h>
#include <string.h>

/* Whether a verb's arguments are services. */
static bool
takes_services(const struct wb_verb *verb)
{
	return strstr(verb->arguments, "SERVICE") != NULL;
}

static bool
is_default(const struct wb_command *command, const struct wb_verb *verb)
{
	return command->default_verb != NULL &&
	       strcmp(command->default_verb, verb->name) == 0;
}

static void
print_services(void)
{
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		printf("%s%s", i > 0 ? " " : "", wb_services[i].name);
}

typedef void (*print_flag_fn)(const struct wb_param *param);

static void
each_flag(const struct wb_verb *verb, print_flag_fn print)
{
	struct wb_cli cli = { 0 };
	char target = 0;
	struct wb_param_set sets[WB_CLI_MAX_SETS];
	size_t n = wb_cli_sets(verb, &cli, &target, sets);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < sets[i].n_params; j++)
			print(&sets[i].params[j]);
}

/* ---- bash ---- */

static const char bash_begin[] =
    "# bash completion for waybill(1), made by: waybill completion bash\n"
    "_waybill() {\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-}\n"
    "\tlocal verb=${COMP_WORDS[2]-} verbs='' flags='' args='' words=''\n"
    "\tCOMPREPLY=()\n";

/* Behind a = bash itself completes names of files (-o default). */
static const char bash_end[] =
    "\tif ((COMP_CWORD == 1)); then\n"
    "\t\twords=$commands\n"
    "\telif [[ $cur == -* ]]; then\n"
    "\t\twords=\"$flags --help\"\n"
    "\telif [[ $cur != '=' && ${COMP_WORDS[COMP_CWORD-1]} != '=' ]]; then\n"
    "\t\twords=$args\n"
    "\t\t! ((COMP_CWORD == 2)) || words+=\" $verbs\"\n"
    "\tfi\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "\tif [[ ${COMPREPLY[0]-} == *= ]]; then\n"
    "\t\tcompopt -o nospace 2>/dev/null\n"
    "\tfi\n"
    "\treturn 0\n"
    "}\n"
    "complete -o default -F _waybill waybill\n";

static void
print_bash_flag(const struct wb_param *param)
{
	printf(" --%s%s", param->name, param->type == WB_PARAM_BOOL ? "" : "=");
}

static void
print_bash_verbs(const struct wb_command *command)
{
	for (size_t i = 0; i < command->n_verbs; i++) {
		const struct wb_verb *verb = &command->verbs[i];

		printf("\t%s/%s", command->name, verb->name);
		if (is_default(command, verb))
			printf(" | %s/", command->name);
		printf(")\n\t\tflags='");
		each_flag(verb, print_bash_flag);
		printf("'\n");
		if (takes_services(verb)) {
			printf("\t\targs='");
			print_services();
			printf("'\n");
		}
		printf("\t\t;;\n");
	}
}

static int
print_bash(struct wb_cli *cli, const void *params)
{
	(void)params;
	(void)fputs(bash_begin, stdout);
	printf("\tlocal commands='");
	for (size_t i = 0; i < cli->n_commands; i++)
		printf("%s ", cli->commands[i]->name);
	printf("--help --version'\n\tcase $command in\n");
	for (size_t i = 0; i < cli->n_commands; i++) {
		printf("\t%s) verbs='", cli->commands[i]->name);
		for (size_t j = 0; j < cli->commands[i]->n_verbs; j++)
			printf("%s%s", j > 0 ? " " : "",
			       cli->commands[i]->verbs[j].name);
		printf("' ;;\n");
	}
	/* What is no verb is an argument of the one that is meant. */
	printf("\tesac\n\t[[ \" $verbs \" == *\" $verb \"* ]] || verb=''\n"
	       "\tcase $command/$verb in\n");
	for (size_t i = 0; i < cli->n_commands; i++)
		print_bash_verbs(cli->commands[i]);
	printf("\tesac\n%s", bash_end);
	return WB_CLI_DONE;
}

/* ---- zsh ---- */

/* Within single quotes; brackets and colons mean something to _arguments and
 * _describe. */
static void
print_zsh_text(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\'')
			printf("'\\''");
		else if (strchr("[]:\\", *text) != NULL)
			printf("\\%c", *text);
		else
			putchar(*text);
}

static void
print_zsh_flag(const struct wb_param *param)
{
	bool is_bool = param->type == WB_PARAM_BOOL;

	printf(" \\\n\t\t\t'--%s%s[", param->name, is_bool ? "" : "=");
	print_zsh_text(param->help);
	printf("]%s%s%s'", is_bool ? "" : ":",
	       is_bool ? ""
	               : (param->unit[0] != '\0' ? param->unit : param->name),
	       is_bool ? "" : ":_files");
}

static void
print_zsh_verb(const struct wb_command *command, const struct wb_verb *verb)
{
	printf("\t%s/%s", command->name, verb->name);
	if (is_default(command, verb))
		printf(" | %s/", command->name);
	printf(")\n\t\t_arguments '--help[tell all of this]'");
	each_flag(verb, print_zsh_flag);
	printf(" \\\n\t\t\t'*:argument:");
	if (takes_services(verb)) {
		putchar('(');
		print_services();
		putchar(')');
	} else {
		printf("_files");
	}
	printf("'\n\t\t;;\n");
}

/* An array of "name:summary". */
static void
print_zsh_verbs(const struct wb_command *command)
{
	printf("\t%s) verbs=(", command->name);
	for (size_t i = 0; i < command->n_verbs; i++) {
		if (command->verbs[i].name[0] == '\0')
			continue;
		printf("\n\t\t'%s:", command->verbs[i].name);
		print_zsh_text(command->verbs[i].summary);
		putchar('\'');
	}
	printf(") ;;\n");
}

static int
print_zsh(struct wb_cli *cli, const void *params)
{
	(void)params;
	printf("#compdef waybill\n"
	       "# made by: waybill completion zsh\n"
	       "_waybill() {\n"
	       "\tlocal -a commands verbs\n"
	       "\tlocal command=$words[2] verb=$words[3]\n"
	       "\tcommands=(");
	for (size_t i = 0; i < cli->n_commands; i++) {
		printf("\n\t\t'%s:", cli->commands[i]->name);
		print_zsh_text(cli->commands[i]->summary);
		putchar('\'');
	}
	printf(")\n\tif (( CURRENT == 2 )); then\n"
	       "\t\t_describe command commands\n\t\treturn\n\tfi\n"
	       "\tcase $command in\n");
	for (size_t i = 0; i < cli->n_commands; i++)
		print_zsh_verbs(cli->commands[i]);
	printf("\tesac\n"
	       "\tif (( CURRENT == 3 )) && [[ $verb != -* ]]; then\n"
	       "\t\t_describe verb verbs\n\tfi\n"
	       "\t(( ${verbs[(I)$verb:*]} )) || verb=''\n"
	       "\tcase $command/$verb in\n");
	for (size_t i = 0; i < cli->n_commands; i++)
		for (size_t j = 0; j < cli->commands[i]->n_verbs; j++)
			print_zsh_verb(cli->commands[i],
			               &cli->commands[i]->verbs[j]);
	printf("\tesac\n}\n_waybill \"$@\"\n");
	return WB_CLI_DONE;
}

static const struct wb_verb verbs[] = {
	{ .name = "bash",
	  .arguments = "",
	  .summary = "print the script for bash",
	  .details = "To try it: source <(waybill completion bash)",
	  .run = print_bash },
	{ .name = "zsh",
	  .arguments = "",
	  .summary = "print the script for zsh",
	  .details = "It belongs into a directory of $fpath, as _waybill.",
	  .run = print_zsh },
};

const struct wb_command wb_command_completion = {
	.name = "completion",
	.summary = "print what lets a shell complete command lines",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
