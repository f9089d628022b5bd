#include "help.h"

#include <stdio.h>
#include <string.h>

void
wb_help_commands(const struct wb_command *const *commands, size_t n_commands)
{
	puts("usage: waybill COMMAND [VERB] [--flag=value ...] [argument ...]\n"
	     "       waybill COMMAND [VERB] --help\n");
	for (size_t i = 0; i < n_commands; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nEvery command takes --json. Exit status: 0 done (or what was "
	     "checked holds),\n1 could not be done (or does not hold), 2 "
	     "called wrongly.");
}

void
wb_help_command(const struct wb_command *command)
{
	printf("waybill %s: %s\n\n", command->name, command->summary);
	for (size_t i = 0; i < command->n_verbs; i++) {
		const struct wb_verb *verb = &command->verbs[i];
		char usage[64];

		(void)snprintf(usage, sizeof(usage), "%s%s%s", verb->name,
		               verb->arguments[0] != '\0' ? " " : "",
		               verb->arguments);
		printf("  %-30s %s%s\n", usage, verb->summary,
		       command->default_verb != NULL &&
		               strcmp(command->default_verb, verb->name) == 0
		           ? " (the default)"
		           : "");
	}
	printf("\nwaybill %s VERB --help tells its parameters.\n",
	       command->name);
}

void
wb_help_usage(struct wb_buf *usage, const struct wb_verb *verb)
{
	wb_buf_printf(usage, "[--flag=value ...]%s%s\n%s.",
	              verb->arguments[0] != '\0' ? " " : "", verb->arguments,
	              verb->summary);
	if (verb->details != NULL)
		wb_buf_printf(usage, "\n\n%s", verb->details);
}
