/* What json-c lets pass even in its strict mode (0.16): invalid UTF-8, control
 * characters in strings, names in single quotes, NaN and Infinity, numbers such
 * as 1. and -01, and integers beyond 64 bits, which it would change. */
#ifndef WB_EVENT_STRICT_H
#define WB_EVENT_STRICT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* Whether the characters, strings and numbers of text are those of RFC 8259;
 * how they are put together is left to json-c. BAD_MESSAGE with a note that
 * names the byte, or WB_OK. */
enum wb_err wb_json_check_tokens(const char *text, size_t bytes,
                                 struct wb_note *note) WB_MUST_USE;

#endif
