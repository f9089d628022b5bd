/* One accepted connection: its states, deadlines and end. libevent 2.1 knows
 * inactivity timeouts only and tells nobody of a connection before its first
 * complete request; so each connection has a record of ours beside libevent's,
 * fed by callbacks on the input and output buffers. */
#include "http/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* libevent's default of 16 KiB per turn makes larger answers slow. */
#define SINGLE_WRITE_BYTES ((size_t)256 * 1024)

#define TO(name) (1u << WB_HTTP_CONN_##name)

static const struct {
	const char *name;
	unsigned to;
} states[] = {
#define X(name, to) [WB_HTTP_CONN_##name] = { #name, to },
	WB_HTTP_CONN_TABLE(X)
#undef X
};

static int64_t
state_limit_ms(const struct wb_http_conn *conn)
{
	const struct wb_http_params *params = conn->server->params;

	switch (conn->state) {
	case WB_HTTP_CONN_IDLE:
		return params->idle_timeout_ms;
	case WB_HTTP_CONN_READING:
	case WB_HTTP_CONN_STREAMING:
	case WB_HTTP_CONN_WRITING:
		return params->read_deadline_ms;
	case WB_HTTP_CONN_HANDLING:
		return params->reply_deadline_ms;
	case WB_HTTP_CONN_CLOSING:
		break;
	}
	return 0;
}

void
wb_http_conn_enter(struct wb_http_conn *conn, enum wb_http_conn_state state)
{
	WB_ASSERT((states[conn->state].to & 1u << state) != 0);
	wb_log_debug(WB_LOG_HTTP_REQUEST, "fd=%d from=%s to=%s", (int)conn->fd,
	             states[conn->state].name, states[state].name);
	if (conn->state == WB_HTTP_CONN_HANDLING)
		(void)event_del(conn->peer_event);
	conn->state = state;
	if (state == WB_HTTP_CONN_READING)
		memset(&conn->head, 0, sizeof(conn->head));
	if (state != WB_HTTP_CONN_CLOSING)
		wb_timer_start_ms(&conn->timer, state_limit_ms(conn));
}

static void
close_now(void *arg)
{
	struct wb_http_conn *conn;

	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	evhttp_connection_free(conn->evcon);
}

void
wb_http_conn_close_later(struct wb_http_conn *conn)
{
	wb_loop_undefer(conn->server->loop, conn);
	wb_loop_defer(conn->server->loop, close_now, conn);
}

void
wb_http_conn_answered(struct wb_http_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);

	if (conn->is_last || conn->server->drained != NULL) {
		wb_http_conn_close_later(conn);
		return;
	}
	if (evbuffer_get_length(input) == 0) {
		wb_http_conn_enter(conn, WB_HTTP_CONN_IDLE);
		return;
	}
	wb_http_conn_enter(conn, WB_HTTP_CONN_READING);
	wb_http_head_scan(&conn->head, input, 0);
}

static void
on_deadline(void *arg)
{
	struct wb_http_conn *conn;

	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	switch (conn->state) {
	case WB_HTTP_CONN_IDLE:
	case WB_HTTP_CONN_STREAMING:
	case WB_HTTP_CONN_WRITING:
		close_now(conn);
		break;
	case WB_HTTP_CONN_READING:
		wb_http_page_timeout(conn);
		break;
	case WB_HTTP_CONN_HANDLING:
		wb_http_request_expire(conn->request);
		break;
	case WB_HTTP_CONN_CLOSING:
		break;
	}
}

static void
on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct wb_http_conn *conn;

	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	if (info->n_added == 0)
		return;
	if (conn->state == WB_HTTP_CONN_STREAMING)
		/* Nobody reads it, and behind it no close would be seen. */
		(void)evbuffer_drain(input, evbuffer_get_length(input));
	if (conn->state == WB_HTTP_CONN_IDLE)
		wb_http_conn_enter(conn, WB_HTTP_CONN_READING);
	if (conn->state == WB_HTTP_CONN_READING && !conn->head.is_complete)
		wb_http_head_scan(&conn->head, input, info->orig_size);
}

static void
on_output(struct evbuffer *output, const struct evbuffer_cb_info *info,
          void *arg)
{
	struct wb_http_conn *conn;

	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	if (info->n_added > 0 && !conn->is_answering)
		wb_http_page_on_output(conn, output, info->orig_size,
		                       info->n_added);
	if (info->n_deleted > 0 && conn->state == WB_HTTP_CONN_STREAMING &&
	    evbuffer_get_length(output) == 0)
		wb_timer_stop(&conn->timer);
	/* Of a page that is not libevent's it does not learn the end. */
	if (info->n_deleted > 0 && conn->page_status != 0 &&
	    !conn->is_answering && evbuffer_get_length(output) == 0)
		wb_http_conn_close_later(conn);
}

/* Only looks at the socket. What a peer pipelines ends the watch: its close
 * can't be seen behind it. */
static void
on_peer(evutil_socket_t fd, short what, void *arg)
{
	struct wb_http_conn *conn;
	ssize_t n;
	char byte;

	(void)what;
	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n > 0)
		(void)event_del(conn->peer_event);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_now(conn);
}

void
wb_http_conn_watch_peer(struct wb_http_conn *conn)
{
	/* Without it the answer still finds out. */
	(void)event_add(conn->peer_event, NULL);
}

static void
free_conn(void *arg)
{
	struct wb_http_conn *conn;

	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	wb_timer_fini(&conn->timer);
	if (conn->peer_event != NULL)
		event_free(conn->peer_event);
	wb_arena_free(conn->arena);
	conn->magic = 0;
	free(conn);
}

static void
unlink_conn(struct wb_http_conn *conn)
{
	struct wb_http_server *server = conn->server;

	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		server->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	server->by_fd[conn->fd] = NULL;
	server->n_sockets--;
}

/* libevent frees its connection right after this. */
static void
on_close(struct evhttp_connection *evcon, void *arg)
{
	struct wb_http_conn *conn;
	struct wb_http_server *server;

	(void)evcon;
	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	server = conn->server;
	wb_http_conn_enter(conn, WB_HTTP_CONN_CLOSING);
	wb_timer_stop(&conn->timer);
	(void)evbuffer_remove_cb(bufferevent_get_input(conn->bev), on_input,
	                         conn);
	(void)evbuffer_remove_cb(bufferevent_get_output(conn->bev), on_output,
	                         conn);
	if (conn->request != NULL)
		wb_http_request_lost(conn->request);
	if (conn->has_unread)
		wb_http_linger(server, conn->bev);
	unlink_conn(conn);
	wb_loop_undefer(server->loop, conn);
	wb_loop_defer(server->loop, free_conn, conn);
	wb_http_server_balance(server);
}

struct bufferevent *
wb_http_conn_open(struct event_base *base, void *arg)
{
	struct wb_http_server *server;
	struct wb_http_conn *conn;
	struct bufferevent *bev;

	WB_CAST(server, arg, WB_HTTP_SERVER_MAGIC);
	bev = wb_made(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
	conn = wb_zalloc(sizeof(*conn));
	conn->magic = WB_HTTP_CONN_MAGIC;
	conn->server = server;
	conn->bev = bev;
	conn->fd = -1;
	conn->arena = wb_arena_new();
	wb_timer_init(&conn->timer, server->loop, on_deadline, conn);
	conn->next = server->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	server->conns = conn;
	server->n_sockets++;
	wb_http_server_balance(server);
	event_active(server->attach_event, EV_TIMEOUT, 0);
	return bev;
}

static void
remember_fd(struct wb_http_server *server, struct wb_http_conn *conn)
{
	size_t n = (size_t)conn->fd + 1;

	if (n > server->n_by_fd) {
		n += server->n_by_fd;
		server->by_fd = wb_realloc(server->by_fd,
		                           n * sizeof(struct wb_http_conn *));
		memset(server->by_fd + server->n_by_fd, 0,
		       (n - server->n_by_fd) * sizeof(struct wb_http_conn *));
		server->n_by_fd = n;
	}
	server->by_fd[conn->fd] = conn;
}

static void
attach(struct wb_http_conn *conn)
{
	const struct wb_http_params *params = conn->server->params;
	struct event_base *base = wb_loop_base(conn->server->loop);
	void *evcon = NULL;

	/* libevent's own callbacks have its connection as their argument:
	 * in 2.1 the only way to it before the first request. */
	bufferevent_getcb(conn->bev, NULL, NULL, NULL, &evcon);
	conn->evcon = evcon;
	conn->fd = bufferevent_getfd(conn->bev);
	WB_ASSERT(conn->evcon != NULL && conn->fd >= 0);
	remember_fd(conn->server, conn);
	evhttp_connection_set_closecb(conn->evcon, on_close, conn);
	conn->peer_event = wb_made(
	    event_new(base, conn->fd, EV_READ | EV_PERSIST, on_peer, conn));
	(void)evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input, conn);
	(void)evbuffer_add_cb(bufferevent_get_output(conn->bev), on_output,
	                      conn);
	(void)bufferevent_set_max_single_write(conn->bev, SINGLE_WRITE_BYTES);
	/* While it writes, libevent reads on without limit. Its parser needs
	 * no more than a head or a body at once. */
	bufferevent_setwatermark(
	    conn->bev, EV_READ, 0,
	    (size_t)(params->max_header_bytes + params->max_body_bytes));
	/* Who connects has something to say; who is silent keeps others out. */
	wb_timer_start_ms(&conn->timer,
	                  params->read_deadline_ms < params->idle_timeout_ms
	                      ? params->read_deadline_ms
	                      : params->idle_timeout_ms);
}

void
wb_http_conn_attach_all(struct wb_http_server *server)
{
	struct wb_http_conn *conn;

	for (conn = server->conns; conn != NULL && conn->evcon == NULL;
	     conn = conn->next)
		attach(conn);
}

struct wb_http_conn *
wb_http_conn_of(struct wb_http_server *server, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	evutil_socket_t fd =
	    bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

	WB_ASSERT(fd >= 0 && (size_t)fd < server->n_by_fd);
	WB_ASSERT(server->by_fd[fd] != NULL &&
	          server->by_fd[fd]->evcon == evcon);
	return server->by_fd[fd];
}
