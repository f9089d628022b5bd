/* Connecting, step by step. */
#include "pg/internal.h"

#include "base/attr.h"

#include <event2/event.h>
#include <openssl/ssl.h>

#include <string.h>

static void on_connect_event(evutil_socket_t fd, short what, void *arg);

/* libpq may open another socket at each step (next host, next address, TLS
 * refused): the event is made anew each time. */
static void
wait_for(struct wb_pg *pg, short what)
{
	pg->read_event = event_new(wb_loop_base(pg->loop), PQsocket(pg->conn),
	                           what, on_connect_event, pg);
	if (pg->read_event == NULL || event_add(pg->read_event, NULL) != 0)
		wb_pg_lose(pg, WB_ERR_IO, "can't wait for its socket");
}

void
wb_pg_keep_session(struct wb_pg *pg, SSL *session)
{
	if (session == pg->session)
		return;
	if (session != NULL)
		(void)SSL_up_ref(session);
	SSL_free(pg->session);
	pg->session = session;
}

/* Of a certificate libpq says no more than that it can't be verified; OpenSSL
 * knows whether it has expired or who signed it. */
static void
fail_to_connect(struct wb_pg *pg)
{
	const char *text = PQerrorMessage(pg->conn);
	size_t bytes = strlen(text);
	long verdict = pg->session == NULL ? X509_V_OK
	                                   : SSL_get_verify_result(pg->session);
	const char *reason =
	    verdict == X509_V_OK ? "" : X509_verify_cert_error_string(verdict);
	struct wb_note why;

	while (bytes > 0 && text[bytes - 1] == '\n')
		bytes--;
	(void)wb_fail(&why, WB_ERR_DB_LOST, "%.*s%s%s", (int)bytes, text,
	              reason[0] == '\0' ? "" : ": ", reason);
	wb_pg_lose(pg, WB_ERR_DB_LOST, why.text);
}

/* The deadline is per host. */
static void
watch_host(struct wb_pg *pg)
{
	struct wb_note host;

	(void)wb_fail(&host, WB_OK, "%s:%s",
	              PQhost(pg->conn) != NULL ? PQhost(pg->conn) : "",
	              PQport(pg->conn) != NULL ? PQport(pg->conn) : "");
	if (strcmp(host.text, pg->host.text) == 0)
		return;
	pg->host = host;
	pg->first_host++;
	wb_pg_keep_session(pg, NULL);
	wb_timer_start_ms(&pg->timer, pg->params->connect_timeout_ms);
}

static void
poll_connect(struct wb_pg *pg)
{
	PostgresPollingStatusType next = PGRES_POLLING_FAILED;

	wb_pg_io_stop(pg);
	next = PQconnectPoll(pg->conn);
	watch_host(pg);
	if (PQgetssl(pg->conn) != NULL)
		wb_pg_keep_session(pg, PQgetssl(pg->conn));
	switch (next) {
	case PGRES_POLLING_READING:
		wait_for(pg, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
	case PGRES_POLLING_ACTIVE:
		wait_for(pg, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		wb_pg_enter(pg, WB_PG_STATE_MEETING);
		break;
	case PGRES_POLLING_FAILED:
		fail_to_connect(pg);
		break;
	}
}

static void
on_connect_event(evutil_socket_t fd, short what, void *arg)
{
	struct wb_pg *pg = NULL;

	(void)fd, (void)what;
	WB_CAST(pg, arg, WB_PG_MAGIC);
	wb_pg_enter_callback(pg);
	poll_connect(pg);
	wb_pg_leave_callback(pg);
}

/* What the server says while nothing is asked of it: only the reason why it
 * hangs up is of use. */
static void
on_notice(void *arg, const PGresult *res)
{
	struct wb_pg *pg = arg;
	const char *severity =
	    PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (severity != NULL && strcmp(severity, "FATAL") == 0)
		(void)wb_fail(&pg->last_words, WB_OK, "%s",
		              text != NULL ? text : "");
}

enum wb_pg_state
wb_pg_enter_connecting(struct wb_pg *pg)
{
	pg->host.text[0] = '\0';
	pg->why_err = WB_ERR_DB_LOST;
	pg->conn = wb_pg_conninfo_start(pg->params, pg->application_name,
	                                pg->first_host, &pg->why);
	if (pg->conn == NULL)
		return WB_PG_STATE_DOWN;
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return wb_pg_give_up(pg);
	PQsetNoticeReceiver(pg->conn, on_notice, pg);
	watch_host(pg);
	wait_for(pg, EV_WRITE);
	return WB_PG_STATE_STAY;
}
