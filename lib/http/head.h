/* The size of a request's head, and whether it holds a NUL byte or a folded
 * line. libevent answers 400 for a head that is too large as for any other
 * fault, takes a header's value to end at a NUL, and joins folded lines; so the
 * bytes are looked at before it. */
#ifndef WB_HTTP_HEAD_H
#define WB_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;

struct wb_http_head {
	size_t bytes;      /* up to the empty line */
	size_t line_bytes; /* of the line that is arriving */
	size_t n_lines;    /* that have arrived */
	bool is_complete;
	bool has_nul;
	bool has_fold; /* a header line that begins with a blank */
};

/* Looks at the bytes of input from offset at on. */
void wb_http_head_scan(struct wb_http_head *head, struct evbuffer *input,
                       size_t at);

#endif
