#include "http/head.h"

#include <event2/buffer.h>

static void
scan(struct wb_http_head *head, const char *bytes, size_t n_bytes)
{
	size_t i;

	for (i = 0; i < n_bytes && !head->is_complete; i++) {
		head->bytes++;
		if (bytes[i] == '\n') {
			head->is_complete = head->line_bytes == 0;
			head->line_bytes = 0;
			head->n_lines++;
		} else if (bytes[i] != '\r') {
			head->has_fold =
			    head->has_fold ||
			    (head->line_bytes == 0 && head->n_lines > 0 &&
			     (bytes[i] == ' ' || bytes[i] == '\t'));
			head->line_bytes++;
			head->has_nul = head->has_nul || bytes[i] == '\0';
		}
	}
}

void
wb_http_head_scan(struct wb_http_head *head, struct evbuffer *input, size_t at)
{
	struct evbuffer_ptr from;
	struct evbuffer_iovec extent;

	if (evbuffer_ptr_set(input, &from, at, EVBUFFER_PTR_SET) != 0)
		return;
	while (!head->is_complete &&
	       evbuffer_peek(input, 1, &from, &extent, 1) > 0 &&
	       extent.iov_len > 0) {
		scan(head, extent.iov_base, extent.iov_len);
		if (evbuffer_ptr_set(input, &from, extent.iov_len,
		                     EVBUFFER_PTR_ADD) != 0)
			return;
	}
}
