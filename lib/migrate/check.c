/* Forward only, without gaps, and nothing that was applied ever changes. */
#include "migrate/check.h"

#include <string.h>

static size_t
find_part(const struct wb_migration_part *parts, size_t n_parts,
          const char *name)
{
	size_t i = 0;

	while (i < n_parts && strcmp(parts[i].name, name) != 0)
		i++;
	return i;
}

static enum wb_err
check_row(const struct wb_migration_part *part, size_t n_applied,
          const struct wb_migration_row *row, struct wb_note *note)
{
	const struct wb_migration *file = NULL;

	if (row->number != (int64_t)n_applied + 1)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "the database has %s/%s, but not number %03zu",
		               part->name, row->name, n_applied + 1);
	if (n_applied >= part->n)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "the database has %s/%s, which is newer than "
		               "these files",
		               part->name, row->name);
	file = &part->migrations[n_applied];
	if (strcmp(row->name, file->name) != 0 ||
	    strcmp(row->checksum, file->checksum) != 0)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s/%s was changed after it was applied as %s: "
		               "add a new migration instead",
		               part->name, file->name, row->name);
	return WB_OK;
}

enum wb_err
wb_migration_check(const struct wb_migration_part *parts, size_t n_parts,
                   const struct wb_migration_row *rows, size_t n_rows,
                   size_t *ret_applied, struct wb_note *note)
{
	memset(ret_applied, 0, n_parts * sizeof(*ret_applied));
	for (size_t i = 0; i < n_rows; i++) {
		size_t at = find_part(parts, n_parts, rows[i].part);
		enum wb_err err = WB_OK;

		if (at == n_parts)
			return wb_fail(note, WB_ERR_BAD_CONFIG,
			               "the database belongs to \"%s\"",
			               rows[i].part);
		err = check_row(&parts[at], ret_applied[at], &rows[i], note);
		if (err != WB_OK)
			return err;
		ret_applied[at]++;
	}
	return WB_OK;
}
