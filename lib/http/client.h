/* Asynchronous HTTP requests (libcurl's multi interface on the loop), with a
 * deadline each and connections kept alive. */
#ifndef WB_HTTP_CLIENT_H
#define WB_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"

struct wb_http_client;

struct wb_http_call {
	const char *method;
	const char *url;
	const char *user; /* basic authentication "user:password" or NULL */
	const char *const *headers; /* "Name: value", NULL-ended; or NULL */
	const void *body;           /* NULL = none */
	size_t body_bytes;
	int64_t deadline_ms;   /* connect, send, wait and receive together */
	size_t max_body_bytes; /* of the response; 0 = 1 MiB */
};

/* status: 0 when there was no response. body: NUL-terminated, valid during the
 * call. */
struct wb_http_response {
	enum wb_err err; /* WB_OK: any status; TIMEOUT; HTTP_FAILED */
	int status;
	const char *body;
	size_t body_bytes;
	const char *error; /* in words; "" if none */
};

typedef void (*wb_http_response_fn)(const struct wb_http_response *response,
                                    void *arg);

void wb_http_client_free(struct wb_http_client *client); /* no callbacks */
struct wb_http_client *wb_http_client_new(struct wb_loop *loop)
    WB_OWNED_BY(wb_http_client_free);

/* Everything in call is copied. fn is called exactly once, from the loop. */
void wb_http_client_send(struct wb_http_client *client,
                         const struct wb_http_call *call,
                         wb_http_response_fn fn, void *arg);

/* Requests without an answer so far. */
size_t wb_http_client_in_flight(const struct wb_http_client *client);

#endif
