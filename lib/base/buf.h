/* A growing byte string, always followed by a NUL that is not counted. */
#ifndef WB_BASE_BUF_H
#define WB_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct wb_buf {
	char *data; /* NULL until the first append */
	size_t len, cap;
};

void wb_buf_fini(struct wb_buf *buf);
void wb_buf_clear(struct wb_buf *buf); /* keeps the memory */
void wb_buf_add(struct wb_buf *buf, const void *data, size_t bytes);
void wb_buf_adds(struct wb_buf *buf, const char *text);
void wb_buf_printf(struct wb_buf *buf, const char *fmt, ...) WB_PRINTF(2, 3);

/* Adds text as a JSON string with its quotes (RFC 8259); invalid UTF-8 becomes
 * U+FFFD. */
void wb_buf_add_json_string(struct wb_buf *buf, const char *text, size_t bytes);

/* The text, "" when nothing was added. */
const char *wb_buf_text(const struct wb_buf *buf);

#endif
