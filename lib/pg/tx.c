/* A transaction: what is sent and how it ends. */
#include "pg/internal.h"

#include "base/attr.h"

#include <string.h>

/* Whatever the database's default is: after a lock, the next statement must see
 * what its last holder has committed. */
static const struct wb_pg_stmt begin_stmt = {
	"wb_begin", "BEGIN ISOLATION LEVEL READ COMMITTED"
};
static const struct wb_pg_stmt relax_stmt = {
	"wb_relax", "SET LOCAL synchronous_commit = off"
};
static const struct wb_pg_stmt commit_stmt = { "wb_commit", "COMMIT" };
static const struct wb_pg_stmt rollback_stmt = { "rollback", "ROLLBACK" };

static const unsigned may_follow[] = {
#define TO(name)    (1u << WB_TX_STATE_##name)
#define X(name, to) [WB_TX_STATE_##name] = (to),
	WB_TX_STATE_TABLE(X)
#undef X
#undef TO
};

void
wb_tx_enter(struct wb_tx *tx, enum wb_tx_state state)
{
	WB_ASSERT(may_follow[tx->state] & 1u << state);
	tx->state = state;
}

/* ---- sending ---- */

struct wb_tx *
wb_tx_start(struct wb_pg *pg, enum wb_tx_kind kind, enum wb_tx_state state,
            wb_tx_done_fn done, void *arg)
{
	struct wb_tx *tx = &pg->tx;

	WB_ASSERT(pg->magic == WB_PG_MAGIC && wb_pg_is_idle(pg));
	tx->kind = kind;
	tx->done = done;
	tx->arg = arg;
	tx->is_rollback = false;
	tx->is_commit_sent = kind != WB_TX_BLOCK;
	tx->is_committed = false;
	tx->err = WB_OK;
	tx->sqlstate[0] = '\0';
	tx->note.text[0] = '\0';
	tx->stmt = "";
	wb_tx_enter(tx, state);
	wb_timer_start_ms(&pg->timer, pg->params->tx_deadline_ms);
	return tx;
}

static void
send_failed(struct wb_tx *tx)
{
	wb_pg_doom(tx->pg, WB_ERR_DB_LOST, PQerrorMessage(tx->pg->conn));
}

static void
send_prepare(struct wb_tx *tx, const struct wb_pg_stmt *stmt)
{
	const struct wb_pg_command command = { .kind = WB_PG_PREPARE,
		                               .stmt = stmt };

	if (PQsendPrepare(tx->pg->conn, stmt->name, stmt->sql, 0, NULL) == 0)
		send_failed(tx);
	else
		wb_pg_pending_push(&tx->pending, &command);
}

/* As libpq's functions: 0 = it could not. */
static int
send_statement(PGconn *conn, bool is_prepared, const struct wb_pg_stmt *stmt,
               const struct wb_pg_arg_arrays *args)
{
	if (is_prepared)
		return PQsendQueryPrepared(conn, stmt->name, args->n,
		                           args->values, args->lengths,
		                           args->formats, 0);
	return PQsendQueryParams(conn, stmt->sql, args->n, NULL, args->values,
	                         args->lengths, args->formats, 0);
}

void
wb_tx_send(struct wb_tx *tx, const struct wb_pg_command *command,
           const struct wb_pg_args *args)
{
	struct wb_pg *pg = tx->pg;
	struct wb_pg_arg_arrays arrays = wb_pg_args_arrays(args);

	if (!pg->is_pooled &&
	    !wb_pg_prepared_add(&pg->prepared, command->stmt->name))
		send_prepare(tx, command->stmt);
	if (pg->is_doomed)
		return;
	if (send_statement(pg->conn, !pg->is_pooled, command->stmt, &arrays) ==
	    0)
		send_failed(tx);
	else
		wb_pg_pending_push(&tx->pending, command);
	wb_pg_io_flush_later(pg);
}

void
wb_tx_send_sync(struct wb_tx *tx)
{
	const struct wb_pg_command command = { .kind = WB_PG_SYNC };

	if (tx->pg->is_doomed)
		return;
	if (PQpipelineSync(tx->pg->conn) == 0)
		send_failed(tx);
	else
		wb_pg_pending_push(&tx->pending, &command);
	wb_pg_io_flush_later(tx->pg);
}

/* Never prepared: the Prepare could be among what is skipped. */
static void
send_rollback(struct wb_tx *tx)
{
	const struct wb_pg_command command = { .kind = WB_PG_ROLLBACK,
		                               .stmt = &rollback_stmt };

	if (tx->pg->is_doomed)
		return;
	if (PQsendQueryParams(tx->pg->conn, rollback_stmt.sql, 0, NULL, NULL,
	                      NULL, NULL, 0) == 0)
		send_failed(tx);
	else
		wb_pg_pending_push(&tx->pending, &command);
}

/* One of our own statements. */
static void
send_own(struct wb_tx *tx, enum wb_pg_command_kind kind,
         const struct wb_pg_stmt *stmt)
{
	const struct wb_pg_command command = { .kind = kind, .stmt = stmt };

	if (!tx->pg->is_doomed)
		wb_tx_send(tx, &command, NULL);
}

/* The next transaction may meet another session, and this session then serves
 * someone else. */
void
wb_tx_send_settings(struct wb_tx *tx)
{
	if (tx->pg->is_pooled)
		send_own(tx, WB_PG_BEGIN, &tx->pg->settings.local_stmt);
}

/* The server's part of a failed block: out of the pipeline's skipping, then out
 * of the transaction. */
void
wb_tx_send_abort(struct wb_tx *tx)
{
	wb_tx_send_sync(tx);
	send_rollback(tx);
	wb_tx_send_sync(tx);
}

/* ---- the end ---- */

static void
finish(struct wb_tx *tx, const struct wb_tx_outcome *outcome)
{
	wb_tx_done_fn done = tx->done;
	void *arg = tx->arg;

	wb_pg_pending_clear(&tx->pending);
	wb_tx_enter(tx, WB_TX_STATE_NONE);
	if (done != NULL)
		done(outcome, arg);
}

static enum wb_tx_end
end_of(const struct wb_tx *tx)
{
	if (tx->err != WB_OK)
		return WB_TX_FAILED;
	return tx->is_rollback ? WB_TX_ROLLED_BACK : WB_TX_COMMITTED;
}

static void
tell_idle(struct wb_pg *pg)
{
	if (wb_pg_is_idle(pg) && pg->events->on_idle != NULL)
		pg->events->on_idle(pg->arg);
}

/* A failure's words are copied: the next transaction, begun in done, uses the
 * same struct. */
void
wb_tx_settle(struct wb_tx *tx)
{
	struct wb_note message = tx->note;
	char sqlstate[WB_PG_SQLSTATE_BYTES];
	const struct wb_tx_outcome outcome = {
		.end = end_of(tx),
		.err = tx->err,
		.sqlstate = sqlstate,
		.message = message.text,
		.stmt = tx->stmt,
	};

	memcpy(sqlstate, tx->sqlstate, sizeof(sqlstate));
	wb_timer_stop(&tx->pg->timer);
	finish(tx, &outcome);
	tell_idle(tx->pg);
}

void
wb_tx_on_lost(struct wb_tx *tx, enum wb_err err, const char *why)
{
	struct wb_tx_outcome outcome = {
		.end = WB_TX_FAILED,
		.err = tx->err != WB_OK ? tx->err : err,
		.sqlstate = tx->sqlstate,
		.message = tx->note.text[0] != '\0' ? tx->note.text : why,
		.stmt = tx->stmt,
	};

	if (tx->state == WB_TX_STATE_NONE)
		return;
	if (tx->is_committed) {
		outcome.end = WB_TX_COMMITTED;
		outcome.err = WB_OK;
	} else if (tx->is_commit_sent && tx->err == WB_OK) {
		outcome.end = WB_TX_UNKNOWN;
	}
	finish(tx, &outcome);
}

/* ---- what users call ---- */

static struct wb_tx *
begin(struct wb_pg *pg, bool is_relaxed, wb_tx_done_fn done, void *arg)
{
	struct wb_tx *tx =
	    wb_tx_start(pg, WB_TX_BLOCK, WB_TX_STATE_OPEN, done, arg);

	send_own(tx, WB_PG_BEGIN, &begin_stmt);
	wb_tx_send_settings(tx);
	if (is_relaxed)
		send_own(tx, WB_PG_BEGIN, &relax_stmt);
	return tx;
}

struct wb_tx *
wb_tx_begin(struct wb_pg *pg, wb_tx_done_fn done, void *arg)
{
	return begin(pg, false, done, arg);
}

struct wb_tx *
wb_tx_begin_relaxed(struct wb_pg *pg, wb_tx_done_fn done, void *arg)
{
	return begin(pg, true, done, arg);
}

/* False: it has failed already, done will be told. */
static bool
is_going_on(const struct wb_tx *tx)
{
	WB_ASSERT(tx->magic == WB_TX_MAGIC && tx->kind == WB_TX_BLOCK);
	WB_ASSERT(tx->state == WB_TX_STATE_OPEN ||
	          tx->state == WB_TX_STATE_FAILING ||
	          tx->state == WB_TX_STATE_ABORTING);
	return tx->state == WB_TX_STATE_OPEN && !tx->pg->is_doomed;
}

void
wb_tx_deadline_ms(struct wb_tx *tx, int64_t deadline_ms)
{
	if (is_going_on(tx))
		wb_timer_start_ms(&tx->pg->timer, deadline_ms);
}

void
wb_tx_query(struct wb_tx *tx, const struct wb_pg_stmt *stmt,
            const struct wb_pg_args *args, wb_tx_result_fn on_result, void *arg)
{
	const struct wb_pg_command command = {
		.kind = WB_PG_QUERY,
		.stmt = stmt,
		.on_result = on_result,
		.arg = arg,
	};

	if (is_going_on(tx))
		wb_tx_send(tx, &command, args);
}

/* A Sync, not a Flush: after a Flush the server takes itself for busy, so that
 * idle_in_transaction_session_timeout would not end a process that hangs here
 * with its locks. Inside BEGIN … COMMIT a Sync ends no transaction. */
void
wb_tx_flush(struct wb_tx *tx)
{
	if (is_going_on(tx))
		wb_tx_send_sync(tx);
}

void
wb_tx_commit(struct wb_tx *tx)
{
	if (!is_going_on(tx))
		return;
	send_own(tx, WB_PG_COMMIT, &commit_stmt);
	wb_tx_send_sync(tx);
	tx->is_commit_sent = true;
	wb_tx_enter(tx, WB_TX_STATE_CLOSING);
}

void
wb_tx_rollback(struct wb_tx *tx)
{
	if (!is_going_on(tx))
		return;
	send_rollback(tx);
	wb_tx_send_sync(tx);
	tx->is_rollback = true;
	wb_tx_enter(tx, WB_TX_STATE_CLOSING);
}
