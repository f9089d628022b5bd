/* Listening, the limit of connections, and draining. */
/* For SO_REUSEPORT, which POSIX does not have.
 * NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*) */
#define _DEFAULT_SOURCE

#include "http/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG          1024
#define ACCEPT_PAUSE_MS  100
#define MAX_LISTEN_BYTES 256

/* All bits: libevent answers a method outside of them in HTML, and the highest
 * one is what it gives to a method that it does not know. */
#define ALL_METHODS 0xFFFF

static void
on_drained(void *arg)
{
	struct wb_http_server *server;

	WB_CAST(server, arg, WB_HTTP_SERVER_MAGIC);
	server->drained(server->drained_arg);
}

void
wb_http_server_balance(struct wb_http_server *server)
{
	if (server->listener != NULL &&
	    !wb_timer_is_pending(&server->accept_timer)) {
		if (server->n_sockets < server->params->max_connections)
			(void)evconnlistener_enable(server->listener);
		else
			(void)evconnlistener_disable(server->listener);
	}
	if (server->drained != NULL && server->conns == NULL) {
		wb_loop_undefer(server->loop, server);
		wb_loop_defer(server->loop, on_drained, server);
	}
}

static void
on_accept_pause(void *arg)
{
	struct wb_http_server *server;

	WB_CAST(server, arg, WB_HTTP_SERVER_MAGIC);
	wb_http_server_balance(server);
}

/* Mostly out of files: libevent would try again at once, for ever. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct wb_http_server *server;
	int err = errno;

	WB_CAST(server, arg, WB_HTTP_SERVER_MAGIC);
	wb_log_warn(WB_LOG_HTTP_ERROR, "accept=failed why=\"%s\"",
	            strerror(err));
	(void)evconnlistener_disable(listener);
	wb_timer_start_ms(&server->accept_timer, ACCEPT_PAUSE_MS);
}

static void
on_attach(evutil_socket_t fd, short what, void *arg)
{
	struct wb_http_server *server;

	(void)fd;
	(void)what;
	WB_CAST(server, arg, WB_HTTP_SERVER_MAGIC);
	wb_http_conn_attach_all(server);
}

/* "127.0.0.1:8081" or "[::1]:0": numbers only, since a name could block.
 * The caller gives the result to freeaddrinfo. */
static struct addrinfo *
parse_address(const char *listen)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char host[MAX_LISTEN_BYTES + 1];
	const char *colon = strrchr(listen, ':'), *from = listen;
	size_t n;

	if (colon == NULL || colon[1] == '\0' ||
	    strlen(listen) > MAX_LISTEN_BYTES)
		return NULL;
	n = (size_t)(colon - listen);
	if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
		from = listen + 1;
		n -= 2;
	}
	memcpy(host, from, n);
	host[n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return NULL;
	return found;
}

enum wb_err
wb_http_listen_check(const char *listen, struct wb_note *note)
{
	struct addrinfo *address = parse_address(listen);

	if (address == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "listen=\"%s\" why=\"not address:port\"",
		               listen);
	freeaddrinfo(address);
	return WB_OK;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage address;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
	socklen_t bytes = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
		return 0;
	if (address.ss_family == AF_INET6) {
		memcpy(&ipv6, &address, sizeof(ipv6));
		return ntohs(ipv6.sin6_port);
	}
	memcpy(&ipv4, &address, sizeof(ipv4));
	return ntohs(ipv4.sin_port);
}

/* A listening socket, or -1 and errno. */
static int
open_socket(const struct addrinfo *address, bool is_shared)
{
	int fd, saved, on = 1, shared = is_shared ? 1 : 0;

	fd = socket(address->ai_family,
	            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Accepted sockets inherit TCP_NODELAY on Linux; libevent never sets
	 * it. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof(shared)) ==
	        0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	    bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static enum wb_err
start_listening(struct wb_http_server *server, struct wb_note *note)
{
	const char *listen = server->params->listen;
	struct addrinfo *address;
	int fd;

	if (wb_http_listen_check(listen, note) != WB_OK)
		return WB_ERR_BAD_CONFIG;
	address = parse_address(listen);
	if (address == NULL)
		return wb_fail(note, WB_ERR_IO, "listen=\"%s\"", listen);
	fd = open_socket(address, server->params->share_port);
	freeaddrinfo(address);
	if (fd < 0)
		return wb_fail(note, WB_ERR_IO, "listen=\"%s\" why=\"%s\"",
		               listen, strerror(errno));
	server->port = port_of(fd);
	server->listener = wb_made(evconnlistener_new(
	    wb_loop_base(server->loop), NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd));
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	server->socket =
	    wb_made(evhttp_bind_listener(server->evhttp, server->listener));
	wb_log_info(WB_LOG_HTTP_LISTEN, "listen=%s port=%u", listen,
	            (unsigned)server->port);
	return WB_OK;
}

static void
start_evhttp(struct wb_http_server *server)
{
	const struct wb_http_params *params = server->params;
	struct evhttp *evhttp = wb_made(evhttp_new(wb_loop_base(server->loop)));

	evhttp_set_allowed_methods(evhttp, ALL_METHODS);
	evhttp_set_default_content_type(evhttp, NULL);
	evhttp_set_max_headers_size(evhttp,
	                            (ev_ssize_t)params->max_header_bytes);
	evhttp_set_max_body_size(evhttp, (ev_ssize_t)params->max_body_bytes);
	evhttp_set_bevcb(evhttp, wb_http_conn_open, server);
	evhttp_set_gencb(evhttp, wb_http_request_dispatch, server);
	server->evhttp = evhttp;
}

/* Also of a server that does not listen yet. */
static void
dispose(struct wb_http_server *server)
{
	wb_loop_undefer(server->loop, server);
	server->listener = NULL; /* evhttp_free takes it along */
	server->drained = NULL;
	/* Those accepted in this very turn need their record to go, too. */
	wb_http_conn_attach_all(server);
	evhttp_free(server->evhttp);
	wb_http_linger_free_all(server);
	event_free(server->attach_event);
	wb_timer_fini(&server->accept_timer);
	wb_http_stats_free(server->stats);
	free(server->by_fd);
	server->magic = 0;
	free(server);
}

struct wb_http_server *
wb_http_server_new(struct wb_loop *loop, const struct wb_http_params *params,
                   const struct wb_http_route *routes, void *arg,
                   struct wb_note *note)
{
	struct wb_http_server *server = wb_zalloc(sizeof(*server));

	server->magic = WB_HTTP_SERVER_MAGIC;
	server->loop = loop;
	server->params = params;
	server->routes = routes;
	server->arg = arg;
	server->stats = wb_http_stats_new(routes);
	wb_timer_init(&server->accept_timer, loop, on_accept_pause, server);
	server->attach_event =
	    wb_made(event_new(wb_loop_base(loop), -1, 0, on_attach, server));
	start_evhttp(server);
	if (start_listening(server, note) != WB_OK) {
		dispose(server);
		return NULL;
	}
	return server;
}

void
wb_http_server_free(struct wb_http_server *server)
{
	if (server != NULL)
		dispose(server);
}

uint16_t
wb_http_server_port(const struct wb_http_server *server)
{
	return server->port;
}

void
wb_http_server_drain(struct wb_http_server *server, wb_loop_fn done, void *arg)
{
	struct wb_http_conn *conn, *next;

	WB_ASSERT(server->drained == NULL);
	server->drained = done;
	server->drained_arg = arg;
	wb_timer_stop(&server->accept_timer);
	server->listener = NULL;
	evhttp_del_accept_socket(server->evhttp, server->socket);
	wb_http_conn_attach_all(server);
	for (conn = server->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->state == WB_HTTP_CONN_IDLE)
			evhttp_connection_free(conn->evcon);
		else if (conn->state == WB_HTTP_CONN_STREAMING)
			wb_http_stream_cut(conn->request);
	}
	wb_http_server_balance(server);
}
