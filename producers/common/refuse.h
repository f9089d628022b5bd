/* The answers that several routes give to what they can't accept. */
#ifndef WB_PRODUCERS_REFUSE_H
#define WB_PRODUCERS_REFUSE_H

#include "http/server.h"

/* Answers with 422 and the places in the body that are wrong; false when there
 * are none. Frees errors. */
bool refuse_fields(struct wb_http_request *request,
                   struct wb_http_errors *errors) WB_MUST_USE;

/* 404. what: "product" */
void refuse_missing(struct wb_http_request *request, const char *what);

#endif
