/* White space in JSON texts: nothing else of them is changed, not even the way
 * in which a number is written. */
#ifndef WB_CLI_DLQ_LAYOUT_H
#define WB_CLI_DLQ_LAYOUT_H

#include <stddef.h>

#include "base/buf.h"

/* Adds the JSON text to out, a member or element per line. text must be JSON.
 */
void wb_layout_lines(const char *text, size_t bytes, struct wb_buf *out);

/* The reverse: without white space between the tokens. */
void wb_layout_compact(const char *text, size_t bytes, struct wb_buf *out);

#endif
