/* What comes back of a transaction.
 *
 * Every command sent lies in `pending` until its last result has come. libpq
 * gives per command one or more results, then NULL; per Sync one result without
 * NULL. After an error the server skips everything up to the next Sync; what is
 * skipped comes back as PGRES_PIPELINE_ABORTED. Source: libpq, "Pipeline
 * Mode". */
#include "pg/internal.h"

#include "base/attr.h"
#include "base/log.h"

#include <string.h>

/* Never a parameter's value: class 22 quotes what it could not read. */
static void
log_failure(const struct wb_tx *tx, const PGresult *res)
{
	const char *constraint =
	    PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
	const char *text = strncmp(tx->sqlstate, "22", 2) != 0
	                       ? tx->note.text
	                       : "(not shown: it may quote a value)";

	if (tx->err == WB_ERR_DB_ERROR || tx->err == WB_ERR_DB_SCHEMA)
		wb_log_warn(WB_LOG_PG_ERROR,
		            "stmt=%s sqlstate=%s constraint=%s why=\"%s\"",
		            tx->stmt, tx->sqlstate,
		            constraint != NULL ? constraint : "", text);
	else
		wb_log_debug(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		             tx->stmt, tx->sqlstate, text);
}

static void
note_failure(struct wb_tx *tx, const struct wb_pg_command *command,
             const PGresult *res)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	tx->err = wb_pg_result_meaning(res).err;
	tx->stmt = command->stmt != NULL ? command->stmt->name : "";
	if (sqlstate != NULL && strlen(sqlstate) < sizeof(tx->sqlstate))
		memcpy(tx->sqlstate, sqlstate, strlen(sqlstate) + 1);
	(void)wb_fail(&tx->note, tx->err, "%s",
	              text != NULL ? text : PQresultErrorMessage(res));
	log_failure(tx, res);
}

/* The session ends with this error. What was sent behind the failed command has
 * not run; but of a command that commits, nobody can say. */
static void
on_fatal(struct wb_tx *tx, const struct wb_pg_command *command,
         const PGresult *res)
{
	bool is_known = command->kind != WB_PG_COMMIT &&
	                command->kind != WB_PG_SYNC &&
	                command->kind != WB_PG_SCRIPT;
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	struct wb_pg_meaning meaning = wb_pg_result_meaning(res);

	if (is_known && tx->err == WB_OK)
		note_failure(tx, command, res);
	wb_pg_lose(tx->pg, meaning.err,
	           text != NULL ? text : PQresultErrorMessage(res));
}

/* A pooler that has lost the server, or gives its client up, says so in the
 * server's place: of no statement in particular. */
static bool
is_poolers_own(const struct wb_pg *pg, const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY);
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return pg->is_pooled && severity != NULL &&
	       strcmp(severity, "FATAL") == 0 &&
	       strncmp(sqlstate, "08", 2) == 0;
}

static void
on_failure(struct wb_tx *tx, const struct wb_pg_command *command,
           const PGresult *res)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (command->kind == WB_PG_PREPARE)
		wb_pg_prepared_forget(&tx->pg->prepared, command->stmt->name);
	/* Without one it is libpq that speaks, of a connection that broke: what
	 * the server did is not known from that. */
	if (sqlstate == NULL || is_poolers_own(tx->pg, res)) {
		wb_pg_lose(tx->pg, WB_ERR_DB_LOST,
		           PQresultStatus(res) == PGRES_FATAL_ERROR
		               ? PQresultErrorMessage(res)
		               : "a result of a kind that is never asked for");
		return;
	}
	/* What had been sent behind a Sync is refused, one Sync at a time:
	 * 25P02, or a statement whose Prepare was refused so. */
	if (tx->state == WB_TX_STATE_ABORTING)
		return;
	if (wb_pg_result_meaning(res).drops) {
		on_fatal(tx, command, res);
		return;
	}
	note_failure(tx, command, res);
	wb_tx_enter(tx, WB_TX_STATE_FAILING);
}

static void
on_committed(struct wb_tx *tx, PGresult *res)
{
	tx->is_committed = strcmp(PQcmdStatus(res), "COMMIT") == 0;
	if (!tx->is_committed && tx->err == WB_OK)
		tx->err =
		    wb_fail(&tx->note, WB_ERR_DB_ERROR,
		            "COMMIT was answered by %s", PQcmdStatus(res));
}

static void
on_success(struct wb_tx *tx, const struct wb_pg_command *command, PGresult *res)
{
	struct wb_pg_result result = { .res = res, .arena = tx->pg->arena };

	if (command->kind == WB_PG_COMMIT)
		on_committed(tx, res);
	if (command->kind != WB_PG_QUERY || command->on_result == NULL)
		return;
	command->on_result(&result, command->arg);
	wb_arena_reset(tx->pg->arena);
}

static void
on_command_done(struct wb_tx *tx)
{
	wb_pg_pending_pop(&tx->pending);
	if (tx->pending.n > 0 || tx->state == WB_TX_STATE_OPEN)
		return;
	if (PQtransactionStatus(tx->pg->conn) != PQTRANS_IDLE)
		wb_pg_lose(tx->pg, WB_ERR_DB_ERROR,
		           "the server's transaction is still open");
	else if (tx->kind == WB_TX_SCRIPT &&
	         PQenterPipelineMode(tx->pg->conn) == 0)
		wb_pg_lose(tx->pg, WB_ERR_DB_LOST,
		           PQerrorMessage(tx->pg->conn));
	else
		wb_tx_settle(tx);
}

/* What is sent between a failure and its NULL makes libpq (15) leave the NULL
 * out: so the abort is sent here. */
static void
on_null(struct wb_tx *tx, enum wb_pg_command_kind kind)
{
	if (tx->state == WB_TX_STATE_FAILING) {
		wb_tx_enter(tx, WB_TX_STATE_ABORTING);
		if (tx->kind == WB_TX_BLOCK)
			wb_tx_send_abort(tx);
	} else if (kind == WB_PG_SYNC) {
		wb_pg_lose(tx->pg, WB_ERR_DB_LOST, "libpq is out of step");
		return;
	}
	/* A Sync that fails (a deferred constraint) gives a failure, NULL, and
	 * still its own result. */
	if (kind != WB_PG_SYNC)
		on_command_done(tx);
}

void
wb_tx_on_result(struct wb_tx *tx, PGresult *res)
{
	/* A copy: a callback may add commands and so move the ring. */
	struct wb_pg_command command = *wb_pg_pending_head(&tx->pending);
	ExecStatusType status = PQresultStatus(res);

	if (res == NULL) {
		on_null(tx, command.kind);
	} else if (status == PGRES_PIPELINE_SYNC) {
		on_command_done(tx);
	} else if (status == PGRES_PIPELINE_ABORTED) {
		if (command.kind == WB_PG_PREPARE)
			wb_pg_prepared_forget(&tx->pg->prepared,
			                      command.stmt->name);
	} else if (wb_pg_result_is_good(res)) {
		on_success(tx, &command, res);
	} else {
		on_failure(tx, &command, res);
	}
}
