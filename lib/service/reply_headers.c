#include "service/reply_headers.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void
wb_reply_headers(struct wb_http_request *request, const char *lines)
{
	char *copy = wb_strdup(lines), *at = copy, *end = NULL, *colon = NULL;

	for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		colon = strstr(at, ": ");
		WB_ASSERT(colon != NULL); /* we wrote it */
		*colon = '\0';
		wb_http_set_header(request, at, colon + 2);
	}
	free(copy);
}
