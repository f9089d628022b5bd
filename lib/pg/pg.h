/* One asynchronous Postgres connection in pipeline mode that reconnects itself
 * for ever, and transactions on it. Nothing here blocks, except that host names
 * in a DSN are resolved by libpq when it connects (use hostaddr to avoid it).
 *
 * A connection runs one transaction at a time. Its statements are sent as they
 * are added, without waiting for results; results come back as callbacks.
 *
 * A connection may go through a pooler that gives each transaction another
 * session (pgbouncer, pool_mode=transaction): it is recognised, and then keeps
 * nothing in the session. Statements are not prepared beforehand, and settings
 * are made anew in each transaction, without a round trip of their own. */
#ifndef WB_PG_PG_H
#define WB_PG_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/params.h"
#include "base/uuid.h"
#include "loop/loop.h"

struct wb_pg;
struct wb_tx;
struct wb_pg_args;
struct wb_pg_result;

/* Filled from wb_pg_params_table; shared by all connections of a process. */
struct wb_pg_params {
	char *dsn; /* libpq conninfo or URI; several hosts allowed */
	int64_t connect_timeout_ms;
	int64_t statement_timeout_ms; /* the server's, per statement */
	int64_t tx_deadline_ms;       /* ours, for a whole transaction */
	int64_t reconnect_cap_ms;     /* longest wait between tries */
};

extern const struct wb_param wb_pg_params_table[];
extern const size_t wb_pg_params_count;

struct wb_pg_events {
	/* Connected and idle: at each (re)connect. May be NULL. */
	void (*on_ready)(void *arg);
	/* The connection is gone, or a try to connect has failed (so it may
	 * be called several times in a row); a transaction in hand has been
	 * told first. The next try follows by itself. May be NULL. */
	void (*on_lost)(void *arg, const char *why);
	/* A transaction has ended, its done callback has returned and began no
	 * other: the connection is free. May be NULL. */
	void (*on_idle)(void *arg);
	/* LISTEN: may be NULL. The texts are valid during the call. */
	void (*on_notify)(void *arg, const char *channel, const char *payload);
};

/* Closes at once, without callbacks: a transaction in hand is rolled back by
 * the server. May be called from any callback of this connection. */
void wb_pg_free(struct wb_pg *pg);

/* Starts to connect. params and events must outlive the connection.
 * application_name is shown in pg_stat_activity (copied). */
struct wb_pg *wb_pg_new(struct wb_loop *loop, const struct wb_pg_params *params,
                        const char *application_name,
                        const struct wb_pg_events *events, void *arg)
    WB_OWNED_BY(wb_pg_free);

/* A setting of the server's under which everything on this connection runs, as
 * SET takes it ("enable_sort", "off"); from the next connect on: call it right
 * after wb_pg_new. The texts are copied, and may contain neither quotes nor
 * backslashes. With one that the server refuses it never gets ready. */
void wb_pg_setting(struct wb_pg *pg, const char *name, const char *value);

/* Settings that leave only plans by the right indexes. A plan is kept as long
 * as the connection, and may be made while a table is empty: then a scan of all
 * of it looks cheap, and stays when it has a million rows (measured: 1.8 times
 * the CPU of Postgres per order in the first minute, until ANALYZE). For
 * statements that find their rows by key, or a few in the order of an index.
 * When to call it: as wb_pg_setting. */
void wb_pg_pin_plans(struct wb_pg *pg);

bool wb_pg_is_ready(const struct wb_pg *pg); /* connected */
bool wb_pg_is_idle(const struct wb_pg *pg);  /* ready, and no transaction */

/* Whether it goes through a pooler, in whatever mode that is; known while the
 * connection is ready. Then nothing that belongs to a session (LISTEN, advisory
 * locks beyond a transaction, temporary tables) can be relied on. */
bool wb_pg_is_pooled(const struct wb_pg *pg);

/* One line: why the connection was lost, or the latest try to connect failed;
 * "" before any such. Names the host, never the password. Valid until the next
 * loss. */
const char *wb_pg_why(const struct wb_pg *pg);

/* Drops the connection and connects again (a deadline of the caller passed). */
void wb_pg_reset(struct wb_pg *pg, const char *why);

/* ---- statements ---- */

/* A prepared statement, prepared on each connection when first used (not
 * through a pooler). name is unique in the process (names that start with "wb_"
 * are the library's).
 * Parameter types are given in the SQL: $1::uuid[]. The struct and its strings
 * must live until the transaction's end. */
struct wb_pg_stmt {
	const char *name;
	const char *sql;
};

/* ---- transactions ---- */

enum wb_tx_end {
	WB_TX_COMMITTED,
	WB_TX_ROLLED_BACK, /* as asked by wb_tx_rollback */
	WB_TX_FAILED,      /* nothing of it has happened */
	WB_TX_UNKNOWN,     /* lost after COMMIT was sent: run again, same ids */
};

struct wb_tx_outcome {
	enum wb_tx_end end;
	enum wb_err err;      /* WB_OK when committed or rolled back as asked */
	const char *sqlstate; /* "40P01", "" if none; valid in the callback */
	const char *message;  /* the server's words or ours; likewise */
	const char *stmt;     /* name of the statement that failed, or "" */
};

/* A statement's result; valid during the call. Not called for a statement that
 * failed or was skipped. From here, more statements may be added. */
typedef void (*wb_tx_result_fn)(const struct wb_pg_result *result, void *arg);

/* The end, exactly once, from the loop (never from within a call of yours),
 * unless the connection is freed first. tx is gone; the connection is idle
 * (or lost): a new transaction may begin here. */
typedef void (*wb_tx_done_fn)(const struct wb_tx_outcome *outcome, void *arg);

/* The connection must be idle. Sends BEGIN. arg goes to done. The deadline is
 * params->tx_deadline_ms from now; past it the connection is dropped. */
struct wb_tx *wb_tx_begin(struct wb_pg *pg, wb_tx_done_fn done, void *arg);

/* As wb_tx_begin for one that is worth less than an fsync: the commit returns
 * before it is durable (synchronous_commit = off). The relay's marks only. */
struct wb_tx *wb_tx_begin_relaxed(struct wb_pg *pg, wb_tx_done_fn done,
                                  void *arg);

/* Another deadline, from now. */
void wb_tx_deadline_ms(struct wb_tx *tx, int64_t deadline_ms);

/* args is read during the call (NULL = none); on_result may be NULL. */
void wb_tx_query(struct wb_tx *tx, const struct wb_pg_stmt *stmt,
                 const struct wb_pg_args *args, wb_tx_result_fn on_result,
                 void *arg);

/* Asks the server for the results so far. Without it they come at the end. From
 * then on the server counts the session as idle in transaction. */
void wb_tx_flush(struct wb_tx *tx);

/* No more statements may be added. After a failure both end in `done`. */
void wb_tx_commit(struct wb_tx *tx);
void wb_tx_rollback(struct wb_tx *tx);

/* One statement outside a transaction block (LISTEN, advisory locks, reads):
 * the connection must be idle. A loss gives WB_TX_UNKNOWN. done may be NULL.
 * Through a pooler it shares an implicit transaction with the settings, so that
 * it can't be one that refuses company, as CREATE DATABASE does. */
void wb_pg_query(struct wb_pg *pg, const struct wb_pg_stmt *stmt,
                 const struct wb_pg_args *args, wb_tx_result_fn on_result,
                 wb_tx_done_fn done, void *arg);

/* Several statements in one string, as `psql -c` sends them (migrations). The
 * connection must be idle; simple query protocol, one implicit transaction (so
 * no BEGIN or COMMIT in it, no COPY). */
void wb_pg_script(struct wb_pg *pg, const char *sql, wb_tx_done_fn done,
                  void *arg);

/* ---- arguments: built up, used by one or more wb_tx_query, then freed ---- */

void wb_pg_args_free(struct wb_pg_args *args);
struct wb_pg_args *wb_pg_args_new(void) WB_OWNED_BY(wb_pg_args_free);
void wb_pg_args_clear(struct wb_pg_args *args); /* for the next use */

/* One call per parameter, in order. Text is copied; NULL text is SQL NULL, as
 * is a NULL uuid. Text goes as text, so it fits any type ($n::jsonb,
 * $n::numeric); the others go as binary: the SQL's type must be the one beside
 * them. */
void wb_pg_arg_text(struct wb_pg_args *args, const char *text);
void wb_pg_arg_text_n(struct wb_pg_args *args, const char *text, size_t bytes);
void wb_pg_arg_i64(struct wb_pg_args *args, int64_t value); /* $n::bigint */
void wb_pg_arg_i32(struct wb_pg_args *args, int32_t value); /* $n::int */
void wb_pg_arg_bool(struct wb_pg_args *args, bool value);   /* $n::bool */
void wb_pg_arg_uuid(struct wb_pg_args *args, const struct wb_uuid *uuid);
void wb_pg_arg_bytea(struct wb_pg_args *args, const void *data, size_t bytes);

/* Array parameters, in binary: the SQL's type must be exactly that of the
 * element type, $n::text[], ::int[], ::bigint[], ::bool[], ::uuid[], ::json[]
 * (not jsonb: cast the element), ::bytea[], ::timestamptz[]. Each call adds one
 * parameter and returns its index, to be filled element by element in any order
 * among the arrays, so that a batch is turned into columns row by row. */
enum wb_pg_elem {
	WB_PG_TEXT,
	WB_PG_INT4,
	WB_PG_INT8,
	WB_PG_BOOL,
	WB_PG_UUID,
	WB_PG_JSON,
	WB_PG_BYTEA,
	WB_PG_TIMESTAMPTZ, /* elements by wb_pg_elem_time */
};
size_t wb_pg_arg_array(struct wb_pg_args *args, enum wb_pg_elem type);
void wb_pg_elem_text(struct wb_pg_args *args, size_t array, const char *text);
void wb_pg_elem_text_n(struct wb_pg_args *args, size_t array, const char *text,
                       size_t bytes); /* TEXT, JSON, BYTEA */
void wb_pg_elem_i64(struct wb_pg_args *args, size_t array, int64_t value);
void wb_pg_elem_i32(struct wb_pg_args *args, size_t array, int32_t value);
void wb_pg_elem_bool(struct wb_pg_args *args, size_t array, bool value);
void wb_pg_elem_uuid(struct wb_pg_args *args, size_t array,
                     const struct wb_uuid *uuid); /* NULL = SQL NULL */
void wb_pg_elem_time(struct wb_pg_args *args, size_t array, int64_t wall_us);
void wb_pg_elem_null(struct wb_pg_args *args, size_t array);

/* ---- results ---- */

size_t wb_pg_rows(const struct wb_pg_result *result);
size_t wb_pg_columns(const struct wb_pg_result *result);
uint64_t wb_pg_affected(const struct wb_pg_result *result);
bool wb_pg_is_null(const struct wb_pg_result *result, size_t row, size_t col);

/* Columns by position. Text is valid as long as the result; any type can be
 * read as text. NULL is "", 0, false, the nil uuid, 0 bytes. A column of
 * another type is a bug of ours (asserted): cast sums and numerics to
 * bigint. */
const char *wb_pg_text(const struct wb_pg_result *result, size_t row,
                       size_t col);
size_t wb_pg_bytes(const struct wb_pg_result *result, size_t row, size_t col);
/* smallint, int, bigint, oid, xid8 */
int64_t wb_pg_i64(const struct wb_pg_result *result, size_t row, size_t col);
bool wb_pg_bool(const struct wb_pg_result *result, size_t row, size_t col);
struct wb_uuid wb_pg_uuid(const struct wb_pg_result *result, size_t row,
                          size_t col);
/* bytea, decoded into memory that lives as long as the result. */
const void *wb_pg_bytea(const struct wb_pg_result *result, size_t row,
                        size_t col, size_t *ret_bytes);

#endif
