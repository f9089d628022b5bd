/* The header Prefer (RFC 7240), as far as it is about waiting. */
#include "http/internal.h"

#include <string.h>
#include <strings.h>

#define MAX_DIGITS 9

int64_t
wb_http_prefer_wait_s(const struct wb_http_request *request, int64_t max_s)
{
	const char *at = wb_http_header(request, "Prefer");
	int64_t seconds = 0;
	size_t n = 0;

	for (; at != NULL; at = strchr(at, ',')) {
		at += strspn(at, " \t,");
		if (strncasecmp(at, "wait=", 5) == 0)
			break;
	}
	if (at == NULL)
		return 0;
	at += 5;
	n = strspn(at, "0123456789");
	if (n == 0 || n > MAX_DIGITS ||
	    (at[n] != '\0' && strchr(" \t,;", at[n]) == NULL))
		return 0;
	for (size_t i = 0; i < n; i++)
		seconds = seconds * 10 + (at[i] - '0');
	return seconds < max_s ? seconds : max_s;
}

void
wb_http_extend_deadline(struct wb_http_request *request, int64_t more_ms)
{
	wb_timer_start_ms(&request->conn->timer,
	                  request->conn->server->params->reply_deadline_ms +
	                      more_ms);
}
