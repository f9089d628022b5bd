/* Answers that go out bit by bit, to clients that may stop reading. */
#include "http/internal.h"
#include "http/problem.h"

#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include <string.h>

bool
wb_http_stream_start(struct wb_http_request *request, const char *content_type)
{
	struct wb_http_conn *conn = request->conn;
	struct evbuffer *input = bufferevent_get_input(conn->bev);

	if (strcmp(request->method, "HEAD") == 0) {
		wb_http_reply(request, 200, content_type, NULL, 0);
		return false;
	}
	WB_ASSERT(request->on_gone != NULL);
	/* A length is not known, and HTTP/1.0 has no chunks. */
	conn->is_last = true;
	wb_http_reply_head(request, content_type);
	wb_http_reply_note(request, 200);
	wb_http_conn_enter(conn, WB_HTTP_CONN_STREAMING);
	conn->is_answering = true;
	evhttp_send_reply_start(request->req, 200, wb_http_phrase(200));
	conn->is_answering = false;
	(void)evbuffer_drain(input, evbuffer_get_length(input));
	return true;
}

void
wb_http_stream_send(struct wb_http_request *request, const void *data,
                    size_t bytes)
{
	struct wb_http_conn *conn = request->conn;
	struct evbuffer *output = bufferevent_get_output(conn->bev);
	struct evbuffer *chunk = NULL;

	WB_ASSERT(request->magic == WB_HTTP_REQUEST_MAGIC &&
	          conn->state == WB_HTTP_CONN_STREAMING);
	if (evbuffer_get_length(output) + bytes > WB_HTTP_STREAM_BYTES) {
		wb_http_conn_close_later(conn);
		return;
	}
	chunk = wb_made(evbuffer_new());
	(void)evbuffer_add(chunk, data, bytes);
	conn->is_answering = true;
	evhttp_send_reply_chunk(request->req, chunk);
	conn->is_answering = false;
	evbuffer_free(chunk);
	if (!wb_timer_is_pending(&conn->timer))
		wb_timer_start_ms(&conn->timer,
		                  conn->server->params->read_deadline_ms);
}

void
wb_http_stream_end(struct wb_http_request *request)
{
	struct wb_http_conn *conn = request->conn;
	struct evhttp_request *req = request->req;

	WB_ASSERT(request->magic == WB_HTTP_REQUEST_MAGIC &&
	          conn->request == request);
	conn->request = NULL;
	request->magic = 0;
	wb_http_conn_enter(conn, WB_HTTP_CONN_WRITING);
	evhttp_request_set_on_complete_cb(req, wb_http_reply_written, conn);
	conn->is_answering = true;
	evhttp_send_reply_end(req);
	conn->is_answering = false;
}

void
wb_http_stream_cut(struct wb_http_request *request)
{
	wb_loop_fn on_gone = request->on_gone;

	request->on_gone = NULL;
	on_gone(request->gone_arg);
	wb_http_stream_end(request);
}
