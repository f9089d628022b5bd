#include "show_order.h"

#include "order_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The quotes are part of the tag, so a list of tags holds it as it is. */
static bool
is_matched(const char *if_none_match, const char *etag)
{
	return if_none_match != NULL && (strcmp(if_none_match, "*") == 0 ||
	                                 strstr(if_none_match, etag) != NULL);
}

void
show_order(struct wb_http_request *request, int64_t version,
           const struct wb_buf *body)
{
	char etag[32];

	(void)snprintf(etag, sizeof(etag), "\"v%" PRId64 "\"", version);
	wb_http_set_header(request, "ETag", etag);
	wb_http_set_header(request, "Cache-Control", "no-cache");
	if (is_matched(wb_http_header(request, "If-None-Match"), etag))
		wb_http_reply(request, 304, NULL, NULL, 0);
	else
		wb_http_reply_json(request, 200, body->data, body->len);
}

void
show_order_row(struct wb_http_request *request,
               const struct wb_pg_result *result, size_t row)
{
	struct wb_buf body = { 0 };

	order_view_print(&body, result, row);
	show_order(request, order_view_version(result, row), &body);
	wb_buf_fini(&body);
}

void
show_wait_applied(struct wb_http_request *request, int64_t wait_s)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "wait=%" PRId64, wait_s);
	wb_http_set_header(request, "Preference-Applied", text);
}
