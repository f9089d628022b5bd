/* A new connection: who is at the other end, and how it shall run statements.
 *
 * A pooler is known by its key. Whoever may cancel a statement is told a
 * process number and a secret when it connects; since a pooler's client has no
 * process of its own, the pooler makes both up (pgbouncer at random), so that
 * the number is not the one that the server gives. */
#include "pg/internal.h"

#include "base/attr.h"

#include <stdlib.h>

static enum wb_pg_state
ask(struct wb_pg *pg, const char *sql)
{
	if (PQsendQuery(pg->conn, sql) == 0)
		return wb_pg_give_up(pg);
	wb_pg_io_flush_later(pg);
	return WB_PG_STATE_STAY;
}

enum wb_pg_state
wb_pg_enter_meeting(struct wb_pg *pg)
{
	wb_timer_start_ms(&pg->timer, pg->params->connect_timeout_ms);
	if (PQsetnonblocking(pg->conn, 1) != 0 || !wb_pg_io_start(pg))
		return wb_pg_give_up(pg);
	return ask(pg, "SELECT pg_backend_pid()");
}

/* Through a pooler they are made in every transaction; here it only shows
 * whether the server accepts them. */
enum wb_pg_state
wb_pg_enter_setup(struct wb_pg *pg)
{
	return ask(pg, wb_buf_text(pg->is_pooled ? &pg->settings.local
	                                         : &pg->settings.session));
}

void
wb_pg_setup_on_result(struct wb_pg *pg, const PGresult *res)
{
	struct wb_note why;

	if (res == NULL) {
		wb_pg_enter(pg, pg->state == WB_PG_STATE_MEETING
		                    ? WB_PG_STATE_SETUP
		                    : WB_PG_STATE_READY);
	} else if (!wb_pg_result_is_good(res)) {
		(void)wb_fail(&why, WB_ERR_DB_LOST, "set-up: %s",
		              PQresultErrorMessage(res));
		wb_pg_lose(pg, WB_ERR_DB_LOST, why.text);
	} else if (pg->state == WB_PG_STATE_MEETING) {
		pg->is_pooled = strtol(PQgetvalue(res, 0, 0), NULL, 10) !=
		                PQbackendPID(pg->conn);
	}
}
