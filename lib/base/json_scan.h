/* Whether a text is JSON that says one thing to everybody, before json-c reads
 * it: RFC 8259, and of RFC 7493 (I-JSON) its UTF-8, whole surrogate pairs and
 * names that an object has once. json-c lets all of that pass, and single
 * quotes, comments, NaN, TRUE, 1. and -01 as well; it ends names at U+0000 and
 * changes integers beyond 64 bits. Its own strict mode stops half of these, and
 * that of 0.18 (Debian 13) every character outside ASCII too.
 * Source: json-c issues 875 and 892. */
#ifndef WB_BASE_JSON_SCAN_H
#define WB_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

#define WB_JSON_MAX_DEPTH 32

struct wb_json_rules {
	/* Of nested objects and arrays: 1 to WB_JSON_MAX_DEPTH. A json-c
	 * tokener takes as much when its own depth is one more. */
	size_t max_depth;
	/* Integers beyond 64 bits are taken: whoever reads them checks their
	 * range, nobody writes them again. */
	bool has_wide_integers;
};

/* WB_OK if text is one JSON object with nothing but white space around it.
 * BAD_MESSAGE and a note that tells the byte and what is wrong there, without a
 * byte of the text. */
enum wb_err wb_json_scan(const char *text, size_t bytes,
                         const struct wb_json_rules *rules,
                         struct wb_note *note) WB_MUST_USE;

#endif
