/* The bufferevent of one attempt to connect: plain or TLS, its options and its
 * callbacks. */
#include "amqp/internal.h"

#include "amqp/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Read and written at most per turn; libevent's default is 16 KiB. */
#define IO_BYTES ((size_t)256 * 1024)

#define KEEPALIVE_IDLE_S     30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES     3

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct wb_amqp *conn;

	(void)bev;
	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	wb_amqp_enter(conn);
	wb_amqp_read(conn);
	wb_amqp_leave(conn);
}

/* Adds why the address in use did, for when all have failed. */
static void
add_failure(struct wb_amqp *conn, const char *reason)
{
	const struct evutil_addrinfo *address = conn->address;
	struct wb_note *tried = &conn->tried;
	size_t used = strlen(tried->text);
	char numeric[INET6_ADDRSTRLEN] = "?";

	if (conn->addresses->ai_next == NULL) { /* the host is named anyway */
		(void)wb_fail(tried, WB_ERR_BROKER_LOST, "%s", reason);
		return;
	}
	(void)getnameinfo(address->ai_addr, address->ai_addrlen, numeric,
	                  sizeof(numeric), NULL, 0, NI_NUMERICHOST);
	(void)snprintf(tried->text + used, sizeof(tried->text) - used,
	               "%s%s: %s", used == 0 ? "" : ", ", numeric, reason);
}

/* Tries the address in use, and those after it while they fail at once. */
static void
connect_on(struct wb_amqp *conn)
{
	struct wb_note note = { "" };

	while (conn->address != NULL && !wb_amqp_socket_open(conn, &note)) {
		wb_amqp_socket_close(conn);
		add_failure(conn, note.text);
		conn->address = conn->address->ai_next;
	}
	if (conn->address == NULL)
		wb_amqp_lost(conn, "%s", conn->tried.text);
}

/* With TLS libevent calls it an end (EOF), too, when TCP could not connect;
 * what is left of the reason then is errno. */
static const char *
loss_reason(const struct wb_amqp *conn, short what, char *text, size_t bytes)
{
	int error = EVUTIL_SOCKET_ERROR();
	SSL *session = wb_amqp_broker(conn)->is_tls
	                   ? bufferevent_openssl_get_ssl(conn->bev)
	                   : NULL;
	unsigned long tls_error =
	    session == NULL ? 0 : bufferevent_get_openssl_error(conn->bev);

	if (session != NULL && tls_error == SSL_ERROR_SYSCALL)
		return evutil_socket_error_to_string(error);
	if (session != NULL && !SSL_is_init_finished(session) &&
	    (tls_error != 0 || (what & BEV_EVENT_EOF) == 0))
		return wb_amqp_tls_reason(session, tls_error, text, bytes);
	if ((what & BEV_EVENT_EOF) == 0)
		return evutil_socket_error_to_string(error);
	if (conn->state == WB_AMQP_TUNE)
		return "the broker closed the connection during the login";
	return "the broker closed the connection";
}

/* Of a loss before the broker's greeting. With TLS 1.3 it judges our
 * certificate after our end of the handshake, and the reset that follows may
 * overtake the alert that says so. */
static const char *
loss_hint(const struct wb_amqp *conn)
{
	if (conn->state != WB_AMQP_START)
		return "";
	return wb_amqp_broker(conn)->is_tls
	           ? " (right after the TLS handshake: it may not accept this "
	             "client's certificate)"
	           : " (before any greeting: a TLS port needs amqps://)";
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct wb_amqp *conn;
	const char *reason;
	char text[160];

	(void)bev;
	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	wb_amqp_enter(conn);
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		wb_amqp_go(conn, WB_AMQP_START);
		wb_amqp_leave(conn);
		return;
	}
	reason = loss_reason(conn, what, text, sizeof(text));
	if (conn->state == WB_AMQP_CONNECTING) {
		wb_amqp_socket_close(conn);
		add_failure(conn, reason);
		conn->address = conn->address->ai_next;
		connect_on(conn);
	} else {
		wb_amqp_lost(conn, "%s%s", reason, loss_hint(conn));
	}
	wb_amqp_leave(conn);
}

void
wb_amqp_resolved(struct wb_amqp *conn, const char *error)
{
	wb_amqp_enter(conn);
	if (error != NULL)
		wb_amqp_lost(conn, "the name can't be resolved: %s", error);
	else
		connect_on(conn);
	wb_amqp_leave(conn);
}

/* Keepalive finds a dead host also while heartbeats are not looked at. All of
 * these are improvements only: a failure changes nothing. */
static void
set_options(evutil_socket_t fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
	};
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		                 &options[i].value, sizeof(options[i].value));
}

static struct bufferevent *
make_bufferevent(struct wb_amqp *conn)
{
	const struct wb_amqp_broker *broker = wb_amqp_broker(conn);
	struct event_base *base = wb_loop_base(conn->loop);
	struct bufferevent *bev;
	SSL *session;

	if (!broker->is_tls)
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	session = wb_amqp_tls_session(conn->tls, broker->host);
	if (session == NULL)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, -1, session,
	                                     BUFFEREVENT_SSL_CONNECTING,
	                                     BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		SSL_free(session);
	else /* brokers close without close_notify */
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

bool
wb_amqp_socket_open(struct wb_amqp *conn, struct wb_note *note)
{
	const struct evutil_addrinfo *address = conn->address;

	conn->bev = make_bufferevent(conn);
	if (conn->bev == NULL) {
		(void)wb_fail(note, WB_ERR_BROKER_LOST, "no socket");
		return false;
	}
	conn->chain_room = 0;
	bufferevent_setcb(conn->bev, on_readable, NULL, on_event, conn);
	(void)bufferevent_set_max_single_read(conn->bev, IO_BYTES);
	(void)bufferevent_set_max_single_write(conn->bev, IO_BYTES);
	(void)bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(conn->bev, address->ai_addr,
	                               (int)address->ai_addrlen) != 0) {
		(void)wb_fail(
		    note, WB_ERR_BROKER_LOST, "%s",
		    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
		return false;
	}
	set_options(bufferevent_getfd(conn->bev));
	return true;
}

/* A bufferevent may be freed in its own callback: libevent finishes that in the
 * next turn of the loop. */
void
wb_amqp_socket_close(struct wb_amqp *conn)
{
	struct bufferevent *bev = conn->bev;

	conn->bev = NULL;
	if (bev == NULL)
		return;
	(void)bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_free(bev);
}
