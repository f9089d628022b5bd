/* base64url without padding (RFC 4648 section 5), strictly: nothing but its
 * alphabet, no padding, no stray bits, so that a text has one reading only. */
#ifndef WB_AUTH_BASE64URL_H
#define WB_AUTH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Bytes that a text of n characters can hold at most. */
#define WB_BASE64URL_MAX(n) ((n) / 4 * 3 + 2)

/* out: WB_BASE64URL_MAX(bytes) bytes. False: out is undefined. */
bool wb_base64url_decode(const char *text, size_t bytes, void *out,
                         size_t *ret_bytes) WB_MUST_USE;

#endif
