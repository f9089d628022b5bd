/* Which outboxes a command is about: those of its arguments; else the one that
 * --dsn names; else those of all services. An outbox may lie in any database,
 * so any plain name will do as an argument. */
#ifndef WB_CLI_OUTBOX_NAMES_H
#define WB_CLI_OUTBOX_NAMES_H

#include <stddef.h>

#include "base/buf.h"
#include "cli.h"

enum { WB_OUTBOX_MAX_NAMES = 16 };

/* Lives as long as whoever is given one of the names. */
struct wb_outbox_names {
	const char *list[WB_OUTBOX_MAX_NAMES];
	size_t n;
	struct wb_buf own; /* of the one that --dsn names */
};

void wb_outbox_names_fini(struct wb_outbox_names *names);

/* BAD_CONFIG with a note: an argument is no plain name, or there twice. names
 * is written in either case. */
enum wb_err wb_outbox_names_init(struct wb_outbox_names *names,
                                 const struct wb_cli *cli,
                                 struct wb_note *note) WB_MUST_USE;

#endif
