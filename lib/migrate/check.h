/* What a database says it has, compared with the files. */
#ifndef WB_MIGRATE_CHECK_H
#define WB_MIGRATE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#include "migrate/files.h"

/* One row of schema_migrations. */
struct wb_migration_row {
	const char *part, *name, *checksum;
	int64_t number;
};

/* rows must come in order of part and number. ret_applied[i] gets how many
 * migrations of parts[i] the database has. BAD_CONFIG with a note: a file was
 * changed after it was applied, one is missing in between, the database is
 * newer than the files, or it belongs to another service. */
enum wb_err wb_migration_check(const struct wb_migration_part *parts,
                               size_t n_parts,
                               const struct wb_migration_row *rows,
                               size_t n_rows, size_t *ret_applied,
                               struct wb_note *note) WB_MUST_USE;

#endif
