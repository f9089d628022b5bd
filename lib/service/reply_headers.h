/* Headers as lines of text, as they are kept until an answer is sent. */
#ifndef WB_SERVICE_REPLY_HEADERS_H
#define WB_SERVICE_REPLY_HEADERS_H

#include "http/server.h"

/* Sets each "Name: value\n" of lines. */
void wb_reply_headers(struct wb_http_request *request, const char *lines);

#endif
