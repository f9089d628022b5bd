/* One statement of a database and its rows. Results are copied out of lib/pg's
 * callbacks into batches: one is being walked over, the next one is on its way
 * (a cursor's next part is asked for as soon as the one before has arrived). */
#include "db_priv.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Of a cursor, per round trip. */
	FETCH_ROWS = 2000,
	/* While nothing is asked of the server: somebody walks over rows. */
	IDLE_DEADLINE_MS = 86400000,
	/* Ours, beyond the server's own limit for a statement. */
	GRACE_MS = 5000,
};

#define CURSOR "wb_rows"

static const struct wb_pg_stmt fetch_stmt = { "wb_rows_fetch",
	                                      "FETCH 2000 FROM " CURSOR };

static_assert(FETCH_ROWS == 2000, "as fetch_stmt says");

struct wb_rows *
wb_rows_new(struct wb_db *db, const struct wb_pg_stmt *stmt,
            struct wb_pg_args *args, bool is_stream)
{
	struct wb_rows *rows = wb_zalloc(sizeof(*rows));

	rows->db = db;
	rows->stmt = stmt;
	rows->args = args;
	rows->is_stream = is_stream;
	rows->front.arena = wb_arena_new();
	rows->back.arena = wb_arena_new();
	return rows;
}

/* ---- what comes in ---- */

static void
copy_batch(struct wb_row_batch *batch, const struct wb_pg_result *result)
{
	size_t n_cols = wb_pg_columns(result), i = 0;

	wb_arena_reset(batch->arena);
	batch->n_rows = wb_pg_rows(result);
	batch->n_cols = n_cols;
	batch->cells = wb_arena_alloc(batch->arena, batch->n_rows * n_cols *
	                                                sizeof(*batch->cells));
	for (size_t row = 0; row < batch->n_rows; row++)
		for (size_t col = 0; col < n_cols; col++, i++) {
			struct wb_cell *cell = &batch->cells[i];

			cell->bytes = wb_pg_bytes(result, row, col);
			cell->is_null = wb_pg_is_null(result, row, col);
			cell->text = wb_arena_strndup(
			    batch->arena, wb_pg_text(result, row, col),
			    cell->bytes);
		}
}

static void
on_result(const struct wb_pg_result *result, void *arg)
{
	struct wb_rows *rows = arg;

	if (rows->is_dropped)
		return;
	WB_ASSERT(!rows->has_back);
	copy_batch(&rows->back, result);
	rows->has_back = true;
	rows->affected = wb_pg_affected(result);
	wb_loop_stop(rows->db->cli->loop);
	if (!rows->is_stream)
		return;
	wb_tx_deadline_ms(rows->tx, IDLE_DEADLINE_MS);
	if (rows->back.n_rows < FETCH_ROWS) {
		rows->is_exhausted = true;
		wb_tx_commit(rows->tx);
	}
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_rows *rows = arg;
	bool is_well = outcome->end == WB_TX_COMMITTED ||
	               outcome->end == WB_TX_ROLLED_BACK;

	rows->tx = NULL;
	if (is_well) {
		wb_rows_finish(rows, WB_OK, "");
		return;
	}
	(void)wb_fail(
	    &rows->note, outcome->err, "%s: %s%s%s%s%s", rows->db->service,
	    outcome->message, outcome->sqlstate[0] != '\0' ? " (" : "",
	    outcome->sqlstate, outcome->sqlstate[0] != '\0' ? ")" : "",
	    outcome->end == WB_TX_UNKNOWN && !rows->is_stream
	        ? "; whether it happened is not known"
	        : "");
	wb_rows_finish(rows, outcome->err, NULL);
}

void
wb_rows_finish(struct wb_rows *rows, enum wb_err err, const char *why)
{
	rows->is_ended = true;
	rows->err = err;
	if (err != WB_OK && why != NULL)
		(void)wb_fail(&rows->note, err, "%s: %s", rows->db->service,
		              why);
	wb_loop_stop(rows->db->cli->loop);
}

/* ---- what goes out ---- */

static void
fetch(struct wb_rows *rows)
{
	int64_t limit_ms = rows->db->params.statement_timeout_ms;

	wb_tx_deadline_ms(rows->tx, limit_ms > 0 ? limit_ms + GRACE_MS
	                                         : IDLE_DEADLINE_MS);
	wb_tx_query(rows->tx, &fetch_stmt, NULL, on_result, rows);
	wb_tx_flush(rows->tx);
}

static void
on_declared(const struct wb_pg_result *result, void *arg)
{
	struct wb_rows *rows = arg;

	(void)result;
	rows->has_snapshot = true;
	wb_loop_stop(rows->db->cli->loop);
}

static void
start_stream(struct wb_rows *rows)
{
	struct wb_buf sql = { 0 };

	wb_buf_printf(&sql, "DECLARE " CURSOR " NO SCROLL CURSOR FOR %s",
	              rows->stmt->sql);
	rows->declare_sql = sql.data;
	rows->declare = (struct wb_pg_stmt){ rows->stmt->name, sql.data };
	rows->tx = wb_tx_begin(rows->db->pg, on_done, rows);
	wb_tx_query(rows->tx, &rows->declare, rows->args, on_declared, rows);
	/* Its answer must not wait for the first rows, which may be sorted for
	 * a while. */
	wb_tx_flush(rows->tx);
	fetch(rows);
}

void
wb_rows_start(struct wb_rows *rows)
{
	rows->is_started = true;
	if (rows->is_stream)
		start_stream(rows);
	else
		wb_pg_query(rows->db->pg, rows->stmt, rows->args, on_result,
		            on_done, rows);
	wb_pg_args_free(rows->args);
	rows->args = NULL;
}

/* ---- the walk ---- */

/* The batch that has come becomes the one to walk over, and the next one is
 * asked for. */
static bool
turn_batches(struct wb_rows *rows)
{
	struct wb_row_batch front = rows->front;

	if (!rows->has_back)
		return false;
	rows->front = rows->back;
	rows->back = front;
	rows->has_back = false;
	rows->next = 0;
	if (rows->is_stream && !rows->is_exhausted && rows->tx != NULL)
		fetch(rows);
	return true;
}

void
wb_rows_await_snapshot(struct wb_rows *rows)
{
	while (!rows->has_snapshot && !rows->is_ended)
		wb_loop_run(rows->db->cli->loop);
}

bool
wb_rows_next(struct wb_rows *rows)
{
	while (rows->next == rows->front.n_rows) {
		if (turn_batches(rows))
			continue;
		if (rows->is_ended)
			return false;
		wb_loop_run(rows->db->cli->loop);
	}
	rows->next++;
	return true;
}

enum wb_err
wb_rows_end(struct wb_rows *rows, struct wb_note *note)
{
	enum wb_err err;

	if (rows == NULL)
		return WB_OK;
	if (rows->is_stream && !rows->is_started)
		rows->is_ended = true; /* nor shall it be */
	if (rows->tx != NULL && !rows->is_exhausted) {
		rows->is_dropped = true;
		wb_tx_rollback(rows->tx);
	}
	while (!rows->is_ended)
		wb_loop_run(rows->db->cli->loop);
	err = rows->err;
	if (err != WB_OK)
		*note = rows->note;
	rows->db->rows = NULL;
	wb_pg_args_free(rows->args);
	wb_arena_free(rows->front.arena);
	wb_arena_free(rows->back.arena);
	free(rows->declare_sql);
	free(rows);
	return err;
}

uint64_t
wb_rows_affected(const struct wb_rows *rows)
{
	return rows->affected;
}

/* ---- columns ---- */

static const struct wb_cell *
cell_at(const struct wb_rows *rows, size_t col)
{
	WB_ASSERT(rows->next > 0 && col < rows->front.n_cols);
	return &rows->front.cells[(rows->next - 1) * rows->front.n_cols + col];
}

bool
wb_rows_is_null(const struct wb_rows *rows, size_t col)
{
	return cell_at(rows, col)->is_null;
}

const char *
wb_rows_text(const struct wb_rows *rows, size_t col)
{
	return cell_at(rows, col)->text;
}

size_t
wb_rows_bytes(const struct wb_rows *rows, size_t col)
{
	return cell_at(rows, col)->bytes;
}

int64_t
wb_rows_i64(const struct wb_rows *rows, size_t col)
{
	const struct wb_cell *cell = cell_at(rows, col);
	char *end = NULL;
	int64_t value = strtoll(cell->text, &end, 10);

	WB_ASSERT(*end == '\0');
	return value;
}

bool
wb_rows_bool(const struct wb_rows *rows, size_t col)
{
	return cell_at(rows, col)->text[0] == 't';
}

struct wb_uuid
wb_rows_uuid(const struct wb_rows *rows, size_t col)
{
	const struct wb_cell *cell = cell_at(rows, col);
	struct wb_uuid uuid = { { 0 } };

	if (!cell->is_null && !wb_uuid_parse(cell->text, &uuid))
		wb_assert_failed("a uuid of Postgres", __FILE__, __LINE__);
	return uuid;
}

static unsigned char
nibble(char c)
{
	return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

const void *
wb_rows_bytea(struct wb_rows *rows, size_t col, size_t *ret_bytes)
{
	const struct wb_cell *cell = cell_at(rows, col);
	size_t bytes = cell->bytes >= 2 ? (cell->bytes - 2) / 2 : 0;
	unsigned char *data = wb_arena_alloc(rows->front.arena, bytes);

	for (size_t i = 0; i < bytes; i++)
		data[i] = (unsigned char)(nibble(cell->text[2 + 2 * i]) << 4 |
		                          nibble(cell->text[3 + 2 * i]));
	*ret_bytes = bytes;
	return data;
}
