/* UUIDs of version 7 (RFC 9562): 48 bits of Unix ms, a counter that keeps the
 * ids of one process in order, and random bits from getrandom(2). */
#ifndef WB_BASE_UUID_H
#define WB_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define WB_UUID_TEXT_BYTES 37 /* with the NUL */

struct wb_uuid {
	uint8_t bytes[16];
};

struct wb_uuid wb_uuid_v7(void);

/* Any version; exactly 36 characters, hex in either case. */
bool wb_uuid_parse(const char *text, struct wb_uuid *ret_uuid) WB_MUST_USE;

/* Lower case, terminated. Returns text. */
char *wb_uuid_format(const struct wb_uuid *uuid, char text[WB_UUID_TEXT_BYTES]);

int wb_uuid_compare(const struct wb_uuid *a, const struct wb_uuid *b);
bool wb_uuid_is_nil(const struct wb_uuid *uuid);

#endif
