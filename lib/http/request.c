/* A request that has arrived: from libevent to its handler, and what the
 * handler may ask. */
#include "http/accept.h"
#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <string.h>
#include <strings.h>
#include <sys/queue.h>

/* NULL for a method that libevent does not know (which it lets pass when all
 * bits of the allowed methods are set, see server.c). */
static const char *
method_name(const struct evhttp_request *req)
{
	switch ((unsigned)evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_TRACE:
		return "TRACE";
	case EVHTTP_REQ_CONNECT:
		return "CONNECT";
	default:
		return NULL;
	}
}

/* libevent reads no body for these; the bytes of one would be taken for the
 * next request. */
static bool
is_bodiless(const char *method)
{
	return strcmp(method, "HEAD") == 0 || strcmp(method, "TRACE") == 0 ||
	       strcmp(method, "CONNECT") == 0 || strcmp(method, "other") == 0;
}

static struct wb_http_request *
new_request(struct wb_http_conn *conn, struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	struct wb_http_request *request;

	wb_arena_reset(conn->arena);
	request = wb_arena_alloc(conn->arena, sizeof(*request));
	request->magic = WB_HTTP_REQUEST_MAGIC;
	request->conn = conn;
	request->req = req;
	request->method = method_name(req);
	if (request->method == NULL)
		request->method = "other";
	request->path = evhttp_uri_get_path(uri);
	request->began_us = wb_mono_us();
	request->id = wb_http_take_request_id(
	    conn->arena, evhttp_find_header(headers, "X-Request-Id"));
	request->traceparent = wb_http_take_traceparent(
	    conn->arena, evhttp_find_header(headers, "traceparent"));
	request->caller = "";
	if (is_bodiless(request->method) &&
	    (wb_http_header(request, "Content-Length") != NULL ||
	     wb_http_header(request, "Transfer-Encoding") != NULL)) {
		conn->is_last = true;
		conn->has_unread = true;
	}
	return request;
}

static bool
refuse_malformed(struct wb_http_request *request, struct wb_http_path *path)
{
	const struct evhttp_uri *uri =
	    evhttp_request_get_evhttp_uri(request->req);
	struct wb_arena *arena = request->conn->arena;
	const char *why, *what = NULL;

	if (!wb_http_path_split(arena, request->path, path, &why)) {
		what = "path";
	} else if (!wb_http_query_split(arena, evhttp_uri_get_query(uri),
	                                &request->query, &why)) {
		what = "query";
	}
	if (what == NULL)
		return false;
	wb_http_problem(
	    request, 400, NULL,
	    wb_arena_printf(arena, "The %s is malformed: %s.", what, why));
	return true;
}

/* No route took it. */
static void
answer_unmatched(struct wb_http_request *request)
{
	const struct wb_http_match *match = &request->match;

	if (strcmp(request->method, "other") == 0) {
		wb_http_problem(request, 501, NULL,
		                "This method is not known here.");
		return;
	}
	if (match->allow[0] == '\0') {
		wb_http_problem(request, 404, NULL,
		                "There is nothing at this path.");
		return;
	}
	wb_http_set_header(request, "Allow", match->allow);
	if (strcmp(request->method, "OPTIONS") == 0)
		wb_http_reply(request, 204, NULL, NULL, 0);
	else
		wb_http_problem(request, 405, NULL,
		                "This path has other methods, see Allow.");
}

/* Of what is not acceptable nothing is done. */
static bool
refuse_type(struct wb_http_request *request)
{
	const char *type = request->match.route->produces;

	if (type == NULL)
		type = "application/json";
	if (wb_http_accepts(wb_http_header(request, "Accept"), type))
		return false;
	wb_http_problem(request, 406, NULL,
	                wb_arena_printf(request->conn->arena,
	                                "This path answers with %s only.",
	                                type));
	return true;
}

static void
handle(struct wb_http_request *request)
{
	struct wb_http_conn *conn = request->conn;
	struct wb_http_server *server = conn->server;
	struct wb_http_path path;

	if (strcmp(request->method, "OPTIONS") == 0 &&
	    strcmp(request->path, "*") == 0) {
		wb_http_reply(request, 204, NULL, NULL, 0);
		return;
	}
	if (wb_http_refuse_framing(request) || refuse_malformed(request, &path))
		return;
	wb_http_route_find(server->routes, request->method, &path,
	                   &request->match);
	if (request->match.route == NULL) {
		answer_unmatched(request);
		return;
	}
	if (!wb_http_admit(request) || refuse_type(request))
		return;
	request->match.route->handle(request, server->arg);
	if (conn->state != WB_HTTP_CONN_HANDLING) /* answered, or a stream */
		return;
	WB_ASSERT(request->on_gone != NULL);
	wb_http_conn_watch_peer(conn);
}

void
wb_http_request_dispatch(struct evhttp_request *req, void *arg)
{
	struct wb_http_server *server;
	struct wb_http_conn *conn;

	WB_CAST(server, arg, WB_HTTP_SERVER_MAGIC);
	conn = wb_http_conn_of(server, req);
	/* libevent parses on although the connection is to be closed; the
	 * request goes with it. */
	if (conn->state != WB_HTTP_CONN_READING)
		return;
	wb_http_conn_enter(conn, WB_HTTP_CONN_HANDLING);
	conn->request = new_request(conn, req);
	handle(conn->request);
}

void
wb_http_request_lost(struct wb_http_request *request)
{
	struct wb_http_conn *conn = request->conn;
	struct evhttp_request *req = request->req;

	conn->request = NULL;
	/* One that libevent has cut off from its connection is ours. */
	if (evhttp_request_get_connection(req) == NULL)
		evhttp_request_free(req);
	if (request->on_gone != NULL)
		request->on_gone(request->gone_arg);
	wb_arena_reset(conn->arena);
}

void
wb_http_request_expire(struct wb_http_request *request)
{
	wb_loop_fn on_gone = request->on_gone;

	wb_log_warn(WB_LOG_HTTP_ERROR,
	            "request_id=%s route=\"%s\" why=\"no answer in time\"",
	            request->id, request->match.route->path);
	request->on_gone = NULL;
	if (on_gone != NULL)
		on_gone(request->gone_arg);
	evhttp_clear_headers(evhttp_request_get_output_headers(request->req));
	wb_http_set_header(request, "Retry-After", "1");
	wb_http_problem(request, 503, NULL,
	                "The request could not be answered in time.");
}

const char *
wb_http_path_param(const struct wb_http_request *request, const char *name)
{
	const char *value = wb_http_match_value(&request->match, name);

	WB_ASSERT(value != NULL);
	return value;
}

const char *
wb_http_query_param(const struct wb_http_request *request, const char *name)
{
	const struct wb_http_query *pair;

	for (pair = request->query; pair != NULL; pair = pair->next) {
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	}
	return NULL;
}

const char *
wb_http_header(const struct wb_http_request *request, const char *name)
{
	return evhttp_find_header(
	    evhttp_request_get_input_headers(request->req), name);
}

size_t
wb_http_header_count(const struct wb_http_request *request, const char *name)
{
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(request->req);
	const struct evkeyval *header;
	size_t n = 0;

	TAILQ_FOREACH(header, headers, next)
	n += strcasecmp(header->key, name) == 0 ? 1 : 0;
	return n;
}

const char *
wb_http_path(const struct wb_http_request *request)
{
	return request->path;
}

const char *
wb_http_route_path(const struct wb_http_request *request)
{
	return request->match.route->path;
}

const char *
wb_http_caller(const struct wb_http_request *request)
{
	return request->caller;
}

const void *
wb_http_body(const struct wb_http_request *request, size_t *ret_bytes)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(request->req);

	*ret_bytes = evbuffer_get_length(input);
	if (*ret_bytes == 0)
		return "";
	return wb_made(evbuffer_pullup(input, -1));
}

const char *
wb_http_request_id(const struct wb_http_request *request)
{
	return request->id;
}

const char *
wb_http_traceparent(const struct wb_http_request *request)
{
	return request->traceparent;
}

void
wb_http_on_gone(struct wb_http_request *request, wb_loop_fn fn, void *arg)
{
	request->on_gone = fn;
	request->gone_arg = arg;
}

static void
ignore_end(void *arg)
{
	(void)arg;
}

void
wb_http_hang_up(struct wb_http_request *request)
{
	wb_http_on_gone(request, ignore_end, NULL);
	wb_http_conn_close_later(request->conn);
}
