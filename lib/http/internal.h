/* What the files of lib/http's server share. Not for others. */
#ifndef WB_HTTP_INTERNAL_H
#define WB_HTTP_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/head.h"
#include "http/router.h"
#include "http/server.h"
#include "loop/loop.h"

#include <event2/util.h>

struct bufferevent;
struct evbuffer;
struct evconnlistener;
struct event;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;
struct wb_caller;
struct wb_http_stats;

#define WB_HTTP_SERVER_MAGIC  0x48545450u
#define WB_HTTP_CONN_MAGIC    0x48434F4Eu
#define WB_HTTP_REQUEST_MAGIC 0x48524551u

/* ---- the server ---- */

struct wb_http_server {
	unsigned magic;
	struct wb_loop *loop;
	const struct wb_http_params *params;
	const struct wb_http_route *routes;
	void *arg;            /* of the handlers */
	struct wb_auth *auth; /* NULL = open to everybody */
	struct evhttp *evhttp;
	struct evhttp_bound_socket *socket; /* NULL once draining */
	struct evconnlistener *listener;    /* of that socket */
	struct wb_timer accept_timer; /* listens again when out of files */
	uint16_t port;
	struct event *attach_event;
	struct wb_http_conn *conns;  /* all, newest first */
	struct wb_http_conn **by_fd; /* those attached */
	size_t n_by_fd;
	struct wb_http_linger *lingers;
	int64_t n_sockets; /* conns and lingers */
	struct wb_http_stats *stats;
	wb_loop_fn drained; /* NULL until draining */
	void *drained_arg;
};

/* Takes or leaves connections, as their number and the state allow. */
void wb_http_server_balance(struct wb_http_server *server);

/* ---- one connection: conn.c ---- */

/* The state, and where it may go. In all but CLOSING the timer runs.
 * IDLE      nothing of a request has come
 * READING   a request is arriving
 * HANDLING  a handler has it: request is set
 * STREAMING a handler sends its answer bit by bit: request is set; the timer
 *           runs only while the peer leaves some of it
 * WRITING   the answer is on its way out
 * CLOSING   libevent is about to free the connection */
#define WB_HTTP_CONN_TABLE(X)                                                  \
	X(IDLE, TO(READING) | TO(CLOSING))                                     \
	X(READING, TO(HANDLING) | TO(WRITING) | TO(CLOSING))                   \
	X(HANDLING, TO(STREAMING) | TO(WRITING) | TO(CLOSING))                 \
	X(STREAMING, TO(WRITING) | TO(CLOSING))                                \
	X(WRITING, TO(IDLE) | TO(READING) | TO(CLOSING))                       \
	X(CLOSING, 0u)

enum wb_http_conn_state {
#define X(name, to) WB_HTTP_CONN_##name,
	WB_HTTP_CONN_TABLE(X)
#undef X
};

/* Where in a page that libevent writes by itself its output has come to. */
enum wb_http_page { WB_HTTP_PAGE_NONE, WB_HTTP_PAGE_HEAD, WB_HTTP_PAGE_BODY };

/* Made when libevent accepts, freed one turn after libevent has freed its own
 * connection. */
struct wb_http_conn {
	unsigned magic;
	struct wb_http_server *server;
	struct wb_http_conn *prev, *next;
	struct bufferevent *bev;         /* libevent's */
	struct evhttp_connection *evcon; /* libevent's; NULL until attached */
	evutil_socket_t fd;
	enum wb_http_conn_state state;
	struct wb_timer timer;
	struct event *peer_event;
	struct wb_arena *arena;          /* of the request in hand */
	struct wb_http_request *request; /* while HANDLING or STREAMING */
	struct wb_http_head head;        /* of the request arriving */
	enum wb_http_page page;
	int page_status;
	size_t page_at;    /* in the output buffer */
	bool is_answering; /* output is ours, not libevent's */
	bool is_last;      /* close once the answer is written */
	bool has_unread;   /* the peer may be sending what nobody reads */
};

/* libevent's bevcb: a new connection. */
struct bufferevent *wb_http_conn_open(struct event_base *base, void *arg);

/* Finds the connections opened in this turn their evhttp_connection. */
void wb_http_conn_attach_all(struct wb_http_server *server);

struct wb_http_conn *wb_http_conn_of(struct wb_http_server *server,
                                     struct evhttp_request *req);

void wb_http_conn_enter(struct wb_http_conn *conn,
                        enum wb_http_conn_state state);

/* The answer is written: wait for the next request, or close. */
void wb_http_conn_answered(struct wb_http_conn *conn);

/* Closes one step late. */
void wb_http_conn_close_later(struct wb_http_conn *conn);

/* For the time that a handler needs: reading is off then, so a peer that goes
 * away would be noticed by the answer only. */
void wb_http_conn_watch_peer(struct wb_http_conn *conn);

/* ---- pages: page.c ---- */

/* The output buffer of conn has n_added bytes more from offset at on. */
void wb_http_page_on_output(struct wb_http_conn *conn, struct evbuffer *output,
                            size_t at, size_t n_added);

/* 408 for a request that did not arrive in time; closes when written. */
void wb_http_page_timeout(struct wb_http_conn *conn);

/* ---- after the close: linger.c ---- */

/* Takes the socket of a connection that libevent is about to close, says that
 * nothing more is written, then reads and drops what the peer still sends:
 * closing with unread input would reset the connection, and the peer could lose
 * the answer. Until the peer closes or the read deadline. */
void wb_http_linger(struct wb_http_server *server, struct bufferevent *bev);
void wb_http_linger_free_all(struct wb_http_server *server);

/* ---- one request: request.c, reply.c ---- */

/* Lives in its connection's arena from the dispatch to the answer. */
struct wb_http_request {
	unsigned magic;
	struct wb_http_conn *conn;
	struct evhttp_request *req; /* libevent's until answered */
	const char *method, *path;  /* path: raw */
	struct wb_http_match match;
	struct wb_http_query *query;
	const char *id, *traceparent, *caller;
	struct wb_caller *token; /* the caller's; NULL = none was asked for */
	int64_t began_us;
	wb_loop_fn on_gone;
	void *gone_arg;
};

/* The headers that each answer has; and its counts and its line in the log. */
void wb_http_reply_head(struct wb_http_request *request,
                        const char *content_type);
void wb_http_reply_note(const struct wb_http_request *request, int status);

/* evhttp's on_complete callback; arg: the connection. */
void wb_http_reply_written(struct evhttp_request *req, void *arg);

/* The server drains. */
void wb_http_stream_cut(struct wb_http_request *request);

/* libevent's gencb: a request has arrived. */
void wb_http_request_dispatch(struct evhttp_request *req, void *arg);

/* Whether the head is malformed or the end of the body in doubt: answered, and
 * the connection ends with that. */
bool wb_http_refuse_framing(struct wb_http_request *request) WB_MUST_USE;

/* Whether the caller may take the matched route; false: answered. */
bool wb_http_admit(struct wb_http_request *request) WB_MUST_USE;

/* The handler took too long: 503. */
void wb_http_request_expire(struct wb_http_request *request);

/* The connection goes while the handler has the request. */
void wb_http_request_lost(struct wb_http_request *request);

/* ---- metrics: stats.c ---- */

struct wb_http_stats *wb_http_stats_new(const struct wb_http_route *routes);
void wb_http_stats_free(struct wb_http_stats *stats);

/* route: NULL for what no route matched, of which us is not counted. */
void wb_http_stats_count(struct wb_http_stats *stats,
                         const struct wb_http_route *route, const char *method,
                         int status, int64_t us);

/* ---- ids: trace.c ---- */

/* Both return text in the arena. received: the header's value or NULL. */
const char *wb_http_take_request_id(struct wb_arena *arena,
                                    const char *received);
const char *wb_http_take_traceparent(struct wb_arena *arena,
                                     const char *received);

#endif
