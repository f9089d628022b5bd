/* Answering: one way out for every reply and problem. */
#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/problem.h"

#include <event2/buffer.h>
#include <event2/http.h>

#include <stdio.h>
#include <string.h>

void
wb_http_set_header(struct wb_http_request *request, const char *name,
                   const char *value)
{
	struct evkeyvalq *headers =
	    evhttp_request_get_output_headers(request->req);

	(void)evhttp_remove_header(headers, name);
	/* Refuses line breaks, so that a value can't make another header. */
	if (evhttp_add_header(headers, name, value) != 0)
		wb_log_warn(WB_LOG_HTTP_ERROR,
		            "request_id=%s header=%s why=\"bad value\"",
		            request->id, name);
}

/* libevent has written the answer of conn's request. */
void
wb_http_reply_written(struct evhttp_request *req, void *arg)
{
	struct wb_http_conn *conn;

	(void)req;
	WB_CAST(conn, arg, WB_HTTP_CONN_MAGIC);
	wb_http_conn_answered(conn);
}

static void
set_body(struct wb_http_request *request, int status, const void *body,
         size_t body_bytes)
{
	char length[24];

	if (status == 204 || status == 304)
		return;
	/* By hand: libevent has none for HEAD and CONNECT. */
	(void)snprintf(length, sizeof(length), "%zu", body_bytes);
	wb_http_set_header(request, "Content-Length", length);
	if (body_bytes > 0 && strcmp(request->method, "HEAD") != 0)
		(void)evbuffer_add(
		    evhttp_request_get_output_buffer(request->req), body,
		    body_bytes);
}

void
wb_http_reply_note(const struct wb_http_request *request, int status)
{
	int64_t us = wb_mono_us() - request->began_us;

	wb_http_stats_count(request->conn->server->stats, request->match.route,
	                    request->method, status, us);
	wb_log_debug(WB_LOG_HTTP_REQUEST,
	             "request_id=%s traceparent=%s method=%s route=\"%s\" "
	             "status=%d us=%lld",
	             request->id, request->traceparent, request->method,
	             request->match.route == NULL ? ""
	                                          : request->match.route->path,
	             status, (long long)us);
}

void
wb_http_reply_head(struct wb_http_request *request, const char *content_type)
{
	const struct wb_http_conn *conn = request->conn;

	if (content_type != NULL)
		wb_http_set_header(request, "Content-Type", content_type);
	wb_http_set_header(request, "X-Request-Id", request->id);
	wb_http_set_header(request, "traceparent", request->traceparent);
	if (conn->is_last || conn->server->drained != NULL)
		wb_http_set_header(request, "Connection", "close");
}

void
wb_http_reply(struct wb_http_request *request, int status,
              const char *content_type, const void *body, size_t body_bytes)
{
	struct wb_http_conn *conn = request->conn;
	struct evhttp_request *req = request->req;

	WB_ASSERT(request->magic == WB_HTTP_REQUEST_MAGIC &&
	          conn->request == request);
	wb_http_reply_head(request, content_type);
	set_body(request, status, body, body_bytes);
	wb_http_reply_note(request, status);
	conn->request = NULL;
	request->magic = 0;
	wb_http_conn_enter(conn, WB_HTTP_CONN_WRITING);
	evhttp_request_set_on_complete_cb(req, wb_http_reply_written, conn);
	conn->is_answering = true;
	evhttp_send_reply(req, status, wb_http_phrase(status), NULL);
	conn->is_answering = false;
	wb_arena_reset(conn->arena);
}

void
wb_http_reply_json(struct wb_http_request *request, int status,
                   const char *body, size_t body_bytes)
{
	wb_http_reply(request, status, "application/json", body, body_bytes);
}

void
wb_http_problem_errors(struct wb_http_request *request, int status,
                       const char *slug, const char *detail,
                       const struct wb_http_errors *errors)
{
	struct wb_buf body = { .data = NULL };

	wb_http_problem_print(&body, &(struct wb_http_problem){
	                                 .status = status,
	                                 .slug = slug,
	                                 .detail = detail,
	                                 .instance = request->path,
	                                 .request_id = request->id,
	                                 .errors = errors,
	                             });
	wb_http_reply(request, status, "application/problem+json", body.data,
	              body.len);
	wb_buf_fini(&body);
}

void
wb_http_problem(struct wb_http_request *request, int status, const char *slug,
                const char *detail)
{
	wb_http_problem_errors(request, status, slug, detail, NULL);
}
