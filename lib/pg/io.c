/* The socket of a connection that libpq has made: reads for as long as the
 * connection lives (so that a loss is seen at once, also when idle), writes
 * once per turn of the loop. */
#include "pg/internal.h"

#include "base/attr.h"

#include <event2/event.h>
#include <openssl/ssl.h>

static void
flush(struct wb_pg *pg)
{
	int left;

	if (pg->is_doomed)
		return;
	left = PQflush(pg->conn);
	if (left < 0)
		wb_pg_lose(pg, WB_ERR_DB_LOST, PQerrorMessage(pg->conn));
	else if (left > 0 && event_add(pg->write_event, NULL) != 0)
		wb_pg_lose(pg, WB_ERR_IO, "can't wait for its socket");
}

/* False when the server has hung up; what it sent before can be read. */
static bool
consume(struct wb_pg *pg)
{
	bool is_alive = PQconsumeInput(pg->conn) != 0;

	/* libpq may leave bytes in OpenSSL's buffer, and the socket does not
	 * become readable for those. */
	while (is_alive && PQsslInUse(pg->conn) &&
	       SSL_pending(PQgetssl(pg->conn)) > 0)
		is_alive = PQconsumeInput(pg->conn) != 0;
	return is_alive;
}

static void
read_notifications(struct wb_pg *pg)
{
	PGnotify *notify = NULL;

	while (pg->conn != NULL && (notify = PQnotifies(pg->conn)) != NULL) {
		if (pg->state == WB_PG_STATE_READY &&
		    pg->events->on_notify != NULL)
			pg->events->on_notify(pg->arg, notify->relname,
			                      notify->extra);
		PQfreemem(notify);
	}
}

static bool
is_setting_up(const struct wb_pg *pg)
{
	return pg->state == WB_PG_STATE_MEETING ||
	       pg->state == WB_PG_STATE_SETUP;
}

static void
read_setup(struct wb_pg *pg)
{
	while (is_setting_up(pg) && PQisBusy(pg->conn) == 0) {
		PGresult *res = PQgetResult(pg->conn);

		wb_pg_setup_on_result(pg, res);
		PQclear(res);
	}
}

/* Ends early when a callback has closed the connection, or dooms it. */
static void
read_results(struct wb_pg *pg)
{
	while (pg->conn != NULL && !pg->is_doomed && pg->tx.pending.n > 0 &&
	       PQisBusy(pg->conn) == 0) {
		PGresult *res = PQgetResult(pg->conn);

		wb_tx_on_result(&pg->tx, res);
		PQclear(res);
	}
}

static void
read_some(struct wb_pg *pg)
{
	bool is_alive = consume(pg);

	read_setup(pg);
	if (pg->state == WB_PG_STATE_READY)
		read_results(pg);
	/* Last: libpq finds those behind a result only once it has been read,
	 * and the socket does not become readable for them again. */
	read_notifications(pg);
	if (pg->conn != NULL && !is_alive)
		wb_pg_lose(pg, WB_ERR_DB_LOST, PQerrorMessage(pg->conn));
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct wb_pg *pg = NULL;

	(void)fd, (void)what;
	WB_CAST(pg, arg, WB_PG_MAGIC);
	wb_pg_enter_callback(pg);
	read_some(pg);
	wb_pg_leave_callback(pg);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct wb_pg *pg = NULL;

	(void)fd, (void)what;
	WB_CAST(pg, arg, WB_PG_MAGIC);
	wb_pg_enter_callback(pg);
	flush(pg);
	wb_pg_leave_callback(pg);
}

static void
on_turn_end(void *arg)
{
	struct wb_pg *pg = NULL;

	WB_CAST(pg, arg, WB_PG_MAGIC);
	wb_pg_enter_callback(pg);
	pg->is_flush_due = false;
	/* It may have been lost since, and be connecting again. */
	if (is_setting_up(pg) || pg->state == WB_PG_STATE_READY)
		flush(pg);
	wb_pg_leave_callback(pg);
}

void
wb_pg_io_flush_later(struct wb_pg *pg)
{
	if (pg->is_flush_due)
		return;
	pg->is_flush_due = true;
	wb_loop_defer(pg->loop, on_turn_end, pg);
}

bool
wb_pg_io_start(struct wb_pg *pg)
{
	struct event_base *base = wb_loop_base(pg->loop);
	evutil_socket_t fd = PQsocket(pg->conn);

	pg->read_event =
	    event_new(base, fd, EV_READ | EV_PERSIST, on_readable, pg);
	pg->write_event = event_new(base, fd, EV_WRITE, on_writable, pg);
	return pg->read_event != NULL && pg->write_event != NULL &&
	       event_add(pg->read_event, NULL) == 0;
}

void
wb_pg_io_stop(struct wb_pg *pg)
{
	if (pg->read_event != NULL)
		event_free(pg->read_event);
	if (pg->write_event != NULL)
		event_free(pg->write_event);
	pg->read_event = NULL;
	pg->write_event = NULL;
}
