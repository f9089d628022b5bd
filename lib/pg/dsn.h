/* Connection strings as values: for whoever has one for several databases. */
#ifndef WB_PG_DSN_H
#define WB_PG_DSN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Adds to ret_dsn what connects to the database of that name where the
 * connection string (or URI) dsn leads to; *ret_is_named: dsn names a database
 * itself, and so that one is meant instead. BAD_CONFIG when dsn can't be read;
 * the note does not quote it, since it may hold a password. */
enum wb_err wb_pg_dsn_with_database(const char *dsn, const char *name,
                                    struct wb_buf *ret_dsn, bool *ret_is_named,
                                    struct wb_note *note) WB_MUST_USE;

/* Adds to ret_name the database that dsn names; nothing when it names none.
 * BAD_CONFIG as above. */
enum wb_err wb_pg_dsn_database(const char *dsn, struct wb_buf *ret_name,
                               struct wb_note *note) WB_MUST_USE;

#endif
