/* Error pages that libevent 2.1 writes by itself, without asking anyone, and
 * in HTML: 400 for what it can't parse, 413 for a body over the limit, 417 for
 * an Expect that it does not know. 2.1 has no hook for them (2.2's errorcb),
 * but each byte that is not ours (is_answering) passes the callback on the
 * connection's output buffer while it is being added, which is before any of
 * it can be sent: bytes leave the buffer in a later turn of the loop. So the
 * page is recognised by who wrote it, not by its wording: its first piece is
 * the status line, a piece of two bytes ends the head, the next one is the
 * body; then the whole is replaced. Should a later libevent write in other
 * pieces, the page goes out as it is, and the tests fail. */
#include "http/internal.h"

#include "base/mem.h"
#include "http/problem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

#define STATUS_LINE_BYTES 40 /* the part of it that is looked at */

static const char *
detail_of(int status)
{
	switch (status) {
	case 400:
		return "The request line, a header or the framing of the body "
		       "is malformed.";
	case 408:
		return "The request did not arrive in time.";
	case 413:
		return "The body is larger than the limit, or its chunks are "
		       "malformed.";
	case 417:
		return "Of Expect, only 100-continue is understood.";
	case 431:
		return "Request line and headers are larger than the limit.";
	default:
		return "The request can't be served.";
	}
}

static void
print_page(struct wb_buf *page, struct wb_http_conn *conn, int status)
{
	const char *id = wb_http_take_request_id(conn->arena, NULL);
	struct wb_buf body = { .data = NULL };

	wb_http_problem_print(&body, &(struct wb_http_problem){
	                                 .status = status,
	                                 .detail = detail_of(status),
	                                 .request_id = id,
	                             });
	wb_buf_printf(page,
	              "HTTP/1.1 %d %s\r\n"
	              "Content-Type: application/problem+json\r\n"
	              "Content-Length: %zu\r\n"
	              "X-Request-Id: %s\r\n"
	              "Connection: close\r\n\r\n",
	              status, wb_http_phrase(status), body.len, id);
	wb_buf_add(page, body.data, body.len);
	wb_buf_fini(&body);
	wb_arena_reset(conn->arena);
}

static void
add_page(struct wb_http_conn *conn, struct evbuffer *output, int status)
{
	struct wb_buf page = { .data = NULL };

	print_page(&page, conn, status);
	conn->page_status = status;
	conn->is_last = true;
	conn->has_unread = true;
	(void)evbuffer_add(output, page.data, page.len);
	wb_buf_fini(&page);
	wb_http_stats_count(conn->server->stats, NULL, "other", status, 0);
	wb_http_conn_enter(conn, WB_HTTP_CONN_WRITING);
}

/* What stood in the buffer before the page, a "100 Continue", stays. */
static void
replace_page(struct wb_http_conn *conn, struct evbuffer *output)
{
	struct evbuffer *before = wb_made(evbuffer_new());
	int status = conn->page_status;

	if (status == 400 &&
	    conn->head.bytes > (size_t)conn->server->params->max_header_bytes)
		status = 431;
	(void)evbuffer_remove_buffer(output, before, conn->page_at);
	(void)evbuffer_drain(output, evbuffer_get_length(output));
	(void)evbuffer_add_buffer(output, before);
	evbuffer_free(before);
	add_page(conn, output, status);
}

/* The status of a status line at offset at, 0 if there is none. The version is
 * as the client gave it, "HTTP/1.16" included. */
static int
read_status(struct evbuffer *output, size_t at)
{
	char line[STATUS_LINE_BYTES + 1];
	struct evbuffer_ptr from;
	ev_ssize_t n = -1;
	const char *space;

	if (evbuffer_ptr_set(output, &from, at, EVBUFFER_PTR_SET) == 0)
		n = evbuffer_copyout_from(output, &from, line,
		                          STATUS_LINE_BYTES);
	line[n < 0 ? 0 : n] = '\0';
	space = strchr(line, ' ');
	if (strncmp(line, "HTTP/", 5) != 0 || space == NULL)
		return 0;
	return (int)strtol(space, NULL, 10);
}

static void
recognise(struct wb_http_conn *conn, struct evbuffer *output, size_t at,
          size_t n_added)
{
	switch (conn->page) {
	case WB_HTTP_PAGE_NONE:
		conn->page_status = read_status(output, at);
		conn->page_at = at;
		if (conn->page_status >= 400)
			conn->page = WB_HTTP_PAGE_HEAD;
		else
			conn->page_status = 0;
		break;
	case WB_HTTP_PAGE_HEAD:
		if (n_added == 2)
			conn->page = WB_HTTP_PAGE_BODY;
		break;
	case WB_HTTP_PAGE_BODY:
		conn->page = WB_HTTP_PAGE_NONE;
		conn->is_answering = true;
		replace_page(conn, output);
		conn->is_answering = false;
		break;
	}
}

void
wb_http_page_on_output(struct wb_http_conn *conn, struct evbuffer *output,
                       size_t at, size_t n_added)
{
	/* A bufferevent keeps all others from the front of its output. */
	(void)evbuffer_unfreeze(output, 1);
	/* After the last answer, until the close, libevent may parse on (after
	 * a CONNECT it never closes by itself): nothing of that goes out. */
	if (conn->state == WB_HTTP_CONN_READING)
		recognise(conn, output, at, n_added);
	else if (at == 0)
		(void)evbuffer_drain(output, n_added);
	(void)evbuffer_freeze(output, 1);
}

void
wb_http_page_timeout(struct wb_http_conn *conn)
{
	/* libevent hears no more of this connection until it is freed. */
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	(void)bufferevent_disable(conn->bev, EV_READ);
	conn->is_answering = true;
	add_page(conn, bufferevent_get_output(conn->bev), 408);
	conn->is_answering = false;
	(void)bufferevent_enable(conn->bev, EV_WRITE);
}
