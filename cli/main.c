/* `waybill`: looks the subcommand up in the table of commands.h and runs it. */
#include "commands.h"

#include "base/attr.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const struct wb_command *const commands[] = {
#define X(name) &wb_command_##name,
	WB_COMMAND_TABLE(X)
#undef X
};

static void
print_help(void)
{
	puts("usage: waybill <command> [--flag=value ...] [argument ...]\n"
	     "       waybill <command> --help\n");
	for (size_t i = 0; i < WB_ARRAY_LEN(commands); i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
}

static const struct wb_command *
find_command(const char *name)
{
	for (size_t i = 0; i < WB_ARRAY_LEN(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	const struct wb_command *command = NULL;
	char name[64];

	wb_log_setup("waybill", WB_LOG_ERROR);
	if (argc < 2) {
		(void)fputs("waybill: no command, see waybill --help\n",
		            stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help();
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("waybill " WB_VERSION);
		return 0;
	}
	command = find_command(argv[1]);
	if (command == NULL) {
		(void)fprintf(stderr,
		              "waybill: no command \"%s\", see waybill "
		              "--help\n",
		              argv[1]);
		return 2;
	}
	/* What --help of the command calls it. */
	(void)snprintf(name, sizeof(name), "waybill %s", command->name);
	argv[1] = name;
	return command->run(argc - 1, argv + 1);
}
