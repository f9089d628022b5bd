/* The migrations of one part of the schema: <schema-dir>/<part>/NNN_<name>.sql,
 * numbered from 001 without gaps, on disk or built into the process. */
#ifndef WB_MIGRATE_FILES_H
#define WB_MIGRATE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

#define WB_SHA256_TEXT_BYTES 65

struct wb_migration {
	int number;
	char *name; /* "001_outbox.sql"; lower case letters, digits, _ */
	char *sql;
	char checksum[WB_SHA256_TEXT_BYTES]; /* of the file, hex */
};

/* One that was built in: the file's bytes, with a NUL behind them. */
struct wb_migration_file {
	const char *name; /* "001_outbox.sql" */
	const char *text;
	size_t text_bytes;
};

/* migrations[i].number is i + 1. */
struct wb_migration_part {
	const char *name; /* "messaging", "orders" */
	struct wb_migration *migrations;
	size_t n;
};

/* Lower case letters, digits and _, not empty: safe in a path and in SQL. */
bool wb_migration_name_is_plain(const char *name);

/* Reads all files; other files than *.sql are passed over. name must outlive
 * the part. BAD_CONFIG: no such folder, a file whose name is not NNN_name.sql,
 * a number missing or there twice. IO: a file can't be read, is larger than
 * 4 MiB or holds a NUL. Blocking. Nothing to free after an error. */
enum wb_err wb_migration_part_load(struct wb_migration_part *part,
                                   const char *schema_dir, const char *name,
                                   struct wb_note *note) WB_MUST_USE;

/* The same from files that were built in, in order of their numbers. */
enum wb_err wb_migration_part_build(struct wb_migration_part *part,
                                    const char *name,
                                    const struct wb_migration_file *files,
                                    size_t n_files,
                                    struct wb_note *note) WB_MUST_USE;

void wb_migration_part_fini(struct wb_migration_part *part);

#endif
