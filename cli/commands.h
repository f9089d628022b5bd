/* The commands of `waybill`: one file each (or several that begin with its
 * name), one row each. */
#ifndef WB_CLI_COMMANDS_H
#define WB_CLI_COMMANDS_H

#include "cli.h"

/* X(name): cli/<name>.c defines `const struct wb_command wb_command_<name>`. In
 * the order of `waybill --help`. */
#define WB_COMMAND_TABLE(X)                                                    \
	X(trace)                                                               \
	X(orders)                                                              \
	X(dlq)                                                                 \
	X(audit)                                                               \
	X(outbox)                                                              \
	X(top)                                                                 \
	X(topology)                                                            \
	X(migrate)                                                             \
	X(history)                                                             \
	X(completion)                                                          \
	X(manual)

#define X(name) extern const struct wb_command wb_command_##name;
WB_COMMAND_TABLE(X)
#undef X

#endif
