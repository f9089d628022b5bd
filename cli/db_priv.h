/* What db.c and rows.c share. */
#ifndef WB_CLI_DB_PRIV_H
#define WB_CLI_DB_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "db.h"

struct wb_db {
	struct wb_cli *cli;
	const char *service;
	struct wb_buf dsn;
	struct wb_pg_params params;
	struct wb_pg *pg;
	struct wb_timer wait; /* past it: it can't be reached */
	bool is_up;           /* it was, once */
	bool is_given_up;
	struct wb_note why;
	struct wb_rows *rows; /* in hand */
};

struct wb_cell {
	const char *text;
	size_t bytes;
	bool is_null;
};

struct wb_row_batch {
	struct wb_arena *arena;
	struct wb_cell *cells;
	size_t n_rows, n_cols;
};

struct wb_rows {
	struct wb_db *db;
	const struct wb_pg_stmt *stmt;
	struct wb_pg_args *args; /* until it is started */
	bool is_stream;
	struct wb_pg_stmt declare;
	char *declare_sql;
	struct wb_tx *tx; /* of a stream, while it is open */

	struct wb_row_batch front, back; /* walked over; has come since */
	bool has_back;
	size_t next;       /* row of front; the one before is being read */
	bool is_started;   /* it was sent */
	bool has_snapshot; /* of a stream: its cursor is open */
	bool is_exhausted; /* the last batch has come */
	bool is_dropped;   /* nobody wants the rest */
	bool is_ended;     /* err says how */
	enum wb_err err;
	struct wb_note note;
	uint64_t affected;
};

struct wb_rows *wb_rows_new(struct wb_db *db, const struct wb_pg_stmt *stmt,
                            struct wb_pg_args *args, bool is_stream);

/* The connection is idle: sends it. */
void wb_rows_start(struct wb_rows *rows);

/* It has ended; why NULL: the note says it already. */
void wb_rows_finish(struct wb_rows *rows, enum wb_err err, const char *why);

#endif
