/* The text of problem+json bodies (RFC 9457) and the phrases of statuses. */
#ifndef WB_HTTP_PROBLEM_H
#define WB_HTTP_PROBLEM_H

#include "base/buf.h"
#include "http/server.h"

/* A slug's type is this and the slug; its title is the slug in words. */
#define WB_HTTP_PROBLEM_BASE "https://waybill.example/problems/"

struct wb_http_problem {
	int status;
	const char *slug;     /* NULL: about:blank, and the status' phrase */
	const char *detail;   /* the others may be NULL: left out */
	const char *instance; /* path of the request */
	const char *request_id;
	const struct wb_http_errors *errors;
};

void wb_http_problem_print(struct wb_buf *buf,
                           const struct wb_http_problem *problem);

/* "Unprocessable Content"; "Unknown" for a status that is none. Never NULL. */
const char *wb_http_phrase(int status);

#endif
