/* The services' databases, for the command line: a query on one of them, and a
 * walk over its rows that waits as a loop of plain C does. Queries on several
 * databases run at the same time: begin them all, then walk over each.
 *
 *	struct wb_rows *rows = wb_db_query(db, &stmt, NULL);
 *
 *	while (wb_rows_next(rows))
 *		puts(wb_rows_text(rows, 0));
 *	err = wb_rows_end(rows, &note);
 */
#ifndef WB_CLI_DB_H
#define WB_CLI_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "cli.h"
#include "pg/pg.h"

struct wb_db;
struct wb_rows;

/* Its rows must have been ended. NULL is fine. */
void wb_db_close(struct wb_db *db);

/* Begins to connect to that service's database and returns at once; a database
 * that can't be reached fails its first query, --wait-ms after this. One query
 * at a time per struct wb_db: open another one for a second beside it.
 * BAD_CONFIG with a note: the parameters name no such database. service: of
 * wb_services, or another plain name; it must outlive the db. */
enum wb_err wb_db_open(struct wb_cli *cli, const char *service,
                       struct wb_db **ret_db, struct wb_note *note) WB_MUST_USE;

/* Where it is, for whoever connects without a struct wb_db: a connection
 * string, with the password. */
enum wb_err wb_db_dsn(struct wb_cli *cli, const char *service,
                      struct wb_buf *ret_dsn, struct wb_note *note) WB_MUST_USE;

const char *wb_db_service(const struct wb_db *db);

/* A setting of the server's for this connection ("work_mem", "32MB"): right
 * after wb_db_open, before the loop runs. See wb_pg_setting. */
void wb_db_setting(struct wb_db *db, const char *name, const char *value);

/* Waits until it is connected, and gives the connection to whoever needs a
 * transaction of several statements: idle, unless rows are open. */
enum wb_err wb_db_connect(struct wb_db *db, struct wb_pg **ret_pg,
                          struct wb_note *note) WB_MUST_USE;

/* Tells how it ended and frees rows; what has not been walked over is dropped.
 * The note begins with the service. NULL is WB_OK. */
enum wb_err wb_rows_end(struct wb_rows *rows, struct wb_note *note);

/* Begins a statement and returns at once. All its rows are held in memory. args
 * is taken (and freed); NULL = none. stmt must outlive the db; its name is
 * unique among its statements. */
struct wb_rows *wb_db_query(struct wb_db *db, const struct wb_pg_stmt *stmt,
                            struct wb_pg_args *args);

/* The same for results of any size: through a cursor, so that some thousand
 * rows are in memory at a time. One snapshot for all of them. Only for a SELECT
 * (or VALUES) that changes nothing; Postgres runs it without parallel
 * workers. */
struct wb_rows *wb_db_stream(struct wb_db *db, const struct wb_pg_stmt *stmt,
                             struct wb_pg_args *args);

/* Waits until the stream's snapshot is taken (or it has failed, which
 * wb_rows_end tells): what is begun after this sees at least as much. The rows
 * themselves may take longer. */
void wb_rows_await_snapshot(struct wb_rows *rows);

/* The next row; waits for it, and meanwhile serves every other query. False:
 * there is none, or the query failed; wb_rows_end tells. */
bool wb_rows_next(struct wb_rows *rows);

/* The row's columns by position; texts are valid until the next wb_rows_next.
 * SQL NULL is "", 0, false, the nil uuid. A number that is not an integer of 64
 * bits, or a uuid that is none, is a bug of ours (asserted). */
bool wb_rows_is_null(const struct wb_rows *rows, size_t col);
const char *wb_rows_text(const struct wb_rows *rows, size_t col);
size_t wb_rows_bytes(const struct wb_rows *rows, size_t col);
int64_t wb_rows_i64(const struct wb_rows *rows, size_t col);
bool wb_rows_bool(const struct wb_rows *rows, size_t col);
struct wb_uuid wb_rows_uuid(const struct wb_rows *rows, size_t col);
/* bytea, decoded; valid as the texts are. */
const void *wb_rows_bytea(struct wb_rows *rows, size_t col, size_t *ret_bytes);

/* What was inserted, updated or deleted by a wb_db_query that has ended. */
uint64_t wb_rows_affected(const struct wb_rows *rows);

/* ---- the databases that a verb is about ---- */

/* Opens those of the services named by the verb's arguments from the first-th
 * on, or of all services when there are none. USAGE-worthy mistakes (no such
 * service, named twice) are BAD_CONFIG with a note. */
struct wb_dbs {
	struct wb_db *list[16];
	size_t n;
};
enum wb_err wb_dbs_open(struct wb_cli *cli, size_t first, struct wb_dbs *ret,
                        struct wb_note *note) WB_MUST_USE;
void wb_dbs_close(struct wb_dbs *dbs);

#endif
