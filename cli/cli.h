/* The frame of `waybill`: commands, their verbs, and what a verb is given. A
 * verb is a row of data and a function; the frame finds it, reads its
 * parameters, prints its help, and gives it a loop. cli/README.md shows how to
 * add one. */
#ifndef WB_CLI_CLI_H
#define WB_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "amqp/url.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/params.h"
#include "json.h"
#include "loop/loop.h"
#include "management.h"

struct wb_cli;

/* Exit statuses. FAILED: could not be done, or what was checked does not hold.
 * USAGE: called wrongly; nothing was done. */
enum { WB_CLI_DONE = 0, WB_CLI_FAILED = 1, WB_CLI_USAGE = 2 };

/* Which of the common parameters a verb has, beside --json and --wait-ms. */
enum {
	WB_CLI_DATABASES = 1,  /* --dsn, --databases, --statement-timeout-ms */
	WB_CLI_BROKER = 2,     /* --amqp-… */
	WB_CLI_MANAGEMENT = 4, /* --management-url */
};

#define WB_CLI_ANY_NUMBER SIZE_MAX

/* One row: `waybill outbox list`. */
struct wb_verb {
	const char *name;      /* "list"; "" of a command without verbs */
	const char *arguments; /* as shown: "[SERVICE...]"; "" for none */
	const char *summary;   /* one line, no full stop, for a list of verbs */
	const char *details;   /* for --help: lines of up to 80 columns; or
	                          NULL */
	size_t min_args, max_args; /* checked by the frame */
	unsigned takes;            /* WB_CLI_DATABASES and so on */
	/* Its own parameters, and the struct that they fill (zeroed before). */
	const struct wb_param *params;
	size_t n_params, params_bytes;
	/* Called with everything read and checked. Prints what it has to say on
	 * stdout and its complaint by wb_cli_complain or wb_cli_fail; returns
	 * the exit status. */
	int (*run)(struct wb_cli *cli, const void *params);
};

struct wb_command {
	const char *name;
	const char *summary;
	const struct wb_verb *verbs;
	size_t n_verbs;
	/* The verb that is meant when none is named; NULL: one must be. */
	const char *default_verb;
};

/* The values of the common parameters; those that the verb does not take are
 * NULL and 0. */
struct wb_cli_common {
	bool is_json;
	int64_t wait_ms;
	char *dsn, *databases;
	int64_t statement_timeout_ms;
	char *management_url;
};

/* Lives as long as the command runs. */
struct wb_cli {
	const struct wb_command *const *commands; /* all there are */
	size_t n_commands;
	const struct wb_command *command;
	const struct wb_verb *verb;
	char name[64]; /* "waybill outbox list" */
	struct wb_cli_common common;
	struct wb_amqp_params amqp;
	struct wb_amqp_brokers brokers; /* of --amqp-brokers, parsed */
	size_t n_args;
	char **args; /* what is no flag */
	struct wb_loop *loop;
	bool is_json;
	bool has_colour; /* stdout is a terminal that people want colours on */

	/* The frame's own. */
	struct wb_management *management;
	struct wb_json json;
	bool has_document;
	const char *named_dsn_of; /* the service that a --dsn with a dbname is
	                             for */
};

/* Finds the verb, reads its parameters, runs it. Returns the exit status. */
int wb_cli_main(const struct wb_command *const *commands, size_t n_commands,
                int argc, char **argv);

/* "waybill outbox list: <text>" on stderr. */
void wb_cli_complain(const struct wb_cli *cli, const char *fmt, ...)
    WB_PRINTF(2, 3);

/* Complains with the note (or err's own sentence where it is empty). Returns
 * USAGE for BAD_CONFIG, else FAILED: `return wb_cli_fail(cli, err, &note);` */
int wb_cli_fail(const struct wb_cli *cli, enum wb_err err,
                const struct wb_note *note);

/* With --json: the document on stdout, an object that is open already and that
 * the frame closes when the verb returns. */
struct wb_json *wb_cli_json(struct wb_cli *cli);

/* Who is at work, for a journal: given (a parameter), or if that is empty
 * login@host. In buf, whose text is returned. */
const char *wb_cli_who(const char *given, struct wb_buf *buf);

/* The management API of --management-url, made at the first call. NULL, with a
 * complaint, when the parameter is empty. */
struct wb_management *wb_cli_management(struct wb_cli *cli);

/* Text in a style, where colours are wanted: "%s…%s" with wb_style(cli, STYLE)
 * before and wb_style(cli, WB_STYLE_NONE) behind it; else both are "". */
enum wb_style {
	WB_STYLE_NONE,
	WB_STYLE_GOOD,
	WB_STYLE_WARN,
	WB_STYLE_BAD,
	WB_STYLE_DIM,
	WB_STYLE_BOLD,
};
const char *wb_style(const struct wb_cli *cli, enum wb_style style);

/* Their tables and the sets that a verb has, for --help, completion and man
 * pages. ret_sets: room for WB_CLI_MAX_SETS. cli is where the values go. */
enum { WB_CLI_MAX_SETS = 5 };
size_t wb_cli_sets(const struct wb_verb *verb, struct wb_cli *cli,
                   void *verb_params,
                   struct wb_param_set ret_sets[WB_CLI_MAX_SETS]);

#endif
