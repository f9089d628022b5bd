/* schema/messaging/ as it was when this was built: the tables of the outbox and
 * the inbox, for a process that has no files beside it. */
#ifndef WB_MIGRATE_MESSAGING_H
#define WB_MIGRATE_MESSAGING_H

#include <stddef.h>

#include "migrate/files.h"

/* In order of their numbers. */
extern const struct wb_migration_file wb_messaging_files[];
extern const size_t wb_messaging_n_files;

#endif
