/* An HTTP/1.1 server on the loop (evhttp) with a router of its own on the raw
 * path, limits, deadlines, and problem+json for every error. A handler answers
 * at once or later; each request is answered exactly once. */
#ifndef WB_HTTP_SERVER_H
#define WB_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/role.h"
#include "base/params.h"
#include "loop/loop.h"

struct wb_auth;
struct wb_http_server;
struct wb_http_request;
struct wb_uuid;
struct json_object;

/* Filled from wb_http_params_table. */
struct wb_http_params {
	char *listen;    /* "127.0.0.1:8081", "[::1]:0" */
	bool share_port; /* with other processes that do so, too */
	int64_t max_body_bytes;
	int64_t max_header_bytes;
	int64_t max_connections;
	int64_t read_deadline_ms;  /* for a whole request to arrive */
	int64_t reply_deadline_ms; /* for our handler: then 503 */
	int64_t idle_timeout_ms;   /* keep-alive */
};

extern const struct wb_param wb_http_params_table[];
extern const size_t wb_http_params_count;

/* The first row that matches wins. path: literal segments and {names}:
 * "/orders/{id}/cancel". A trailing slash in a request's path is another path
 * (404). HEAD is answered by the GET route, OPTIONS and 405 (with Allow) by the
 * router. */
struct wb_http_route {
	const char *method; /* "GET", "POST", "PUT" */
	const char *path;
	void (*handle)(struct wb_http_request *request, void *arg);
	/* Content type of a good answer, NULL = application/json. Who does not
	 * accept it is answered 406 before anything is done. */
	const char *produces;
	unsigned roles; /* WB_ROLE_…; looked at by a protected server only */
};

void wb_http_server_free(struct wb_http_server *server);

/* Listens at once. routes (ended by a row with method NULL) and params must
 * outlive the server. NULL with a note when the address can't be had. */
struct wb_http_server *wb_http_server_new(struct wb_loop *loop,
                                          const struct wb_http_params *params,
                                          const struct wb_http_route *routes,
                                          void *arg, struct wb_note *note)
    WB_OWNED_BY(wb_http_server_free);

/* From here on a route is only for callers with one of its roles: 401 and 403
 * for others. Every route must have some. auth must outlive the server; NULL
 * (no keys): everybody may do everything. */
void wb_http_server_protect(struct wb_http_server *server,
                            struct wb_auth *auth);

/* BAD_CONFIG when listen is not of the form above: no start can cure it,
 * whereas an address in use may become free. */
enum wb_err wb_http_listen_check(const char *listen,
                                 struct wb_note *note) WB_MUST_USE;

/* The port in use (for "…:0"). */
uint16_t wb_http_server_port(const struct wb_http_server *server);

/* Accepts no new connections, closes idle ones, ends streams, and calls done
 * when the last request has been answered. */
void wb_http_server_drain(struct wb_http_server *server, wb_loop_fn done,
                          void *arg);

/* ---- the request: valid until answered ---- */

/* Percent-decoded value of a {name} of the route: never NULL, no NUL inside
 * (%00 and invalid UTF-8 are answered with 400 before the handler runs). */
const char *wb_http_path_param(const struct wb_http_request *request,
                               const char *name);

/* Decoded query value; NULL when absent; the first of duplicates. */
const char *wb_http_query_param(const struct wb_http_request *request,
                                const char *name);

/* Header value, NULL when absent. */
const char *wb_http_header(const struct wb_http_request *request,
                           const char *name);

/* How many headers of that name there are. */
size_t wb_http_header_count(const struct wb_http_request *request,
                            const char *name);

/* The path as it came; and as the route's row has it, "/orders/{id}". */
const char *wb_http_path(const struct wb_http_request *request);
const char *wb_http_route_path(const struct wb_http_request *request);

/* Who asks: the subject of the token; "" where none is needed. */
const char *wb_http_caller(const struct wb_http_request *request);

const void *wb_http_body(const struct wb_http_request *request,
                         size_t *ret_bytes);

/* The request's id: X-Request-Id as received if sane, else a new UUID; always
 * returned in the response. */
const char *wb_http_request_id(const struct wb_http_request *request);

/* traceparent as received if valid (W3C), else newly made. */
const char *wb_http_traceparent(const struct wb_http_request *request);

/* The customer to whom the caller's orders are confined, or NULL: everybody's
 * orders are fine. */
const struct wb_uuid *
wb_http_only_customer(const struct wb_http_request *request);

/* The body as a JSON object: its content type is checked, and its text as
 * base/json_scan.h says; on failure the request has been answered (415, 400)
 * and NULL is returned. Otherwise the caller puts (json_object_put) the
 * result. */
struct json_object *wb_http_json_body(struct wb_http_request *request);

/* N of "Prefer: wait=N" (RFC 7240), at most max_s; 0 = none, or one that is no
 * number. Whoever honours it sets Preference-Applied, too. */
int64_t wb_http_prefer_wait_s(const struct wb_http_request *request,
                              int64_t max_s);

/* The handler means to answer later than the reply deadline, by so much. */
void wb_http_extend_deadline(struct wb_http_request *request, int64_t more_ms);

/* Called when the client has gone or the reply deadline has answered before the
 * handler did; of a stream, when its client has gone or is too slow, or the
 * server drains: from then on the request must not be used, and needs no
 * answer. A handler that answers later, and each stream, must set this. */
void wb_http_on_gone(struct wb_http_request *request, wb_loop_fn fn, void *arg);

/* ---- the answer (ends the request) ---- */

/* Ends the request without an answer: its connection is closed, as by a server
 * that dies. on_gone is not called. */
void wb_http_hang_up(struct wb_http_request *request);

/* Before answering; copied. Replaces a header of the same name. */
void wb_http_set_header(struct wb_http_request *request, const char *name,
                        const char *value);

/* body: JSON text, copied. */
void wb_http_reply_json(struct wb_http_request *request, int status,
                        const char *body, size_t body_bytes);
void wb_http_reply(struct wb_http_request *request, int status,
                   const char *content_type, const void *body,
                   size_t body_bytes);

/* ---- a stream: an answer whose end is not known when it begins ---- */

/* Begins a 200. False after HEAD, which is answered with that: the request is
 * over. The connection is closed at the stream's end. */
bool wb_http_stream_start(struct wb_http_request *request,
                          const char *content_type) WB_MUST_USE;

/* Copied. A client that has not taken what was sent within read_deadline_ms, or
 * leaves more than WB_HTTP_STREAM_BYTES of it, is cut off: see
 * wb_http_on_gone. */
#define WB_HTTP_STREAM_BYTES ((size_t)256 * 1024)
void wb_http_stream_send(struct wb_http_request *request, const void *data,
                         size_t bytes);

/* Ends the request. */
void wb_http_stream_end(struct wb_http_request *request);

/* ---- problems ---- */

/* 403 for a customer who asks for what is another one's. */
void wb_http_refuse_customer(struct wb_http_request *request);

/* RFC 9457. slug: last part of the problem's type ("unknown-sku"); NULL for
 * about:blank. detail: a sentence for people. */
void wb_http_problem(struct wb_http_request *request, int status,
                     const char *slug, const char *detail);

/* One problem with the places in the body that are wrong: collected while
 * validating, then answered together. pointer: RFC 6901,
 * "/lines/0/quantity". */
struct wb_http_errors;
void wb_http_errors_free(struct wb_http_errors *errors);
struct wb_http_errors *wb_http_errors_new(void)
    WB_OWNED_BY(wb_http_errors_free);
void wb_http_errors_add(struct wb_http_errors *errors, const char *pointer,
                        const char *fmt, ...) WB_PRINTF(3, 4);
size_t wb_http_errors_count(const struct wb_http_errors *errors);
void wb_http_problem_errors(struct wb_http_request *request, int status,
                            const char *slug, const char *detail,
                            const struct wb_http_errors *errors);

#endif
