/* The subcommands of `waybill`: one file each, one row each. */
#ifndef WB_CLI_COMMANDS_H
#define WB_CLI_COMMANDS_H

/* argv[0] is "waybill <name>". run may block: it owns the process. It
 * prints its own complaints, one line each on stderr, and returns the exit
 * status: 0 done, 1 could not be done, 2 called wrongly. --help is its own
 * (wb_params_load prints it). */
struct wb_command {
	const char *name;
	const char *summary; /* for `waybill --help`, one line */
	int (*run)(int argc, char **argv);
};

/* X(name): cli/<name>.c defines `const struct wb_command wb_command_<name>`. */
#define WB_COMMAND_TABLE(X) X(migrate) X(topology) X(history)

#define X(name) extern const struct wb_command wb_command_##name;
WB_COMMAND_TABLE(X)
#undef X

#endif
