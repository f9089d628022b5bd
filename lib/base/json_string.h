/* The characters of JSON strings, their escapes undone. */
#ifndef WB_BASE_JSON_STRING_H
#define WB_BASE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct wb_json_char {
	char utf8[4]; /* zero behind the character */
	size_t bytes; /* 1–4 */
};

/* A character of one byte that stands for itself: most are, and need no closer
 * look. */
static inline bool
wb_json_is_plain(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Takes the character, or escape, at *at, which is before end and no closing
 * quote, and moves *at behind it. NULL, or what is wrong with it, in words;
 * then *at stays. Wrong are control characters, invalid UTF-8, and escapes that
 * RFC 8259 doesn't know, that have no UTF-8 (half a surrogate pair) or that no
 * text in C or PostgreSQL can hold (\u0000). */
const char *wb_json_take_char(const char **at, const char *end,
                              struct wb_json_char *ret_char) WB_MUST_USE;

#endif
