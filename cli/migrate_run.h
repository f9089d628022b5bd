/* Bringing one database up to date: connect, lock, compare, apply. */
#ifndef WB_CLI_MIGRATE_RUN_H
#define WB_CLI_MIGRATE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#include "migrate_files.h"

struct wb_migrate_job {
	char *dsn;
	const char *service;
	int64_t wait_ms; /* for the server and for another migration */
	int64_t file_deadline_ms;
	bool is_status; /* only look */
	/* In the order in which they are applied. */
	const struct wb_migration_part *parts;
	size_t n_parts;
};

/* Runs its own loop until all is done; prints a line per migration and a last
 * one on stdout. After an error nothing of the migration in hand has happened,
 * unless the note says otherwise. BAD_CONFIG: files and database contradict
 * each other. */
enum wb_err wb_migrate_run(const struct wb_migrate_job *job,
                           struct wb_note *note) WB_MUST_USE;

#endif
