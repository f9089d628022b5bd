/* Bringing one database up to date: connect, lock, compare, apply. */
#ifndef WB_MIGRATE_RUN_H
#define WB_MIGRATE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#include "migrate/files.h"

struct wb_migrate_job {
	char *dsn;           /* empty: the database called service */
	const char *service; /* what the last line is about */
	const char *application_name;
	int64_t wait_ms; /* for the server and for another migration */
	int64_t file_deadline_ms;
	bool is_status; /* only look; needs on_migration */
	/* Told of each migration, in order, once it is applied; of all, with
	 * is_status. NULL: a line for each, and a last one, on stdout. */
	void (*on_migration)(void *arg, const char *part, const char *name,
	                     bool is_applied);
	void *arg;
	/* In the order in which they are applied. */
	const struct wb_migration_part *parts;
	size_t n_parts;
	/* Then the function of this name is called with grant_to, also when
	 * all was applied before; NULL: nothing. */
	const char *grant, *grant_to;
};

/* Runs its own loop until all is done. After an error nothing of the migration
 * in hand has happened, unless the note says otherwise. BAD_CONFIG: files and
 * database contradict each other. */
enum wb_err wb_migrate_run(const struct wb_migrate_job *job,
                           struct wb_note *note) WB_MUST_USE;

#endif
