/* `waybill`, the operator's command line: cli.c finds the verb and runs it. */
#include "commands.h"

#include "base/attr.h"
#include "base/log.h"

static const struct wb_command *const commands[] = {
#define X(name) &wb_command_##name,
	WB_COMMAND_TABLE(X)
#undef X
};

int
main(int argc, char **argv)
{
	wb_log_setup("waybill", WB_LOG_ERROR);
	return wb_cli_main(commands, WB_ARRAY_LEN(commands), argc, argv);
}
