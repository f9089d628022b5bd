/* Time: monotonic for waits, wall clock for stamps only. */
#ifndef WB_BASE_CLOCK_H
#define WB_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define WB_TIME_TEXT_BYTES 28 /* 2026-11-20T16:00:00.123456Z and the NUL */

int64_t wb_mono_us(void);
int64_t wb_wall_us(void); /* since 1970-01-01 UTC */

/* RFC 3339, UTC, microseconds, terminated. Returns text. */
char *wb_time_format(int64_t wall_us, char text[WB_TIME_TEXT_BYTES]);

/* RFC 3339 with any offset and 0–9 fractional digits. */
bool wb_time_parse(const char *text, int64_t *ret_wall_us) WB_MUST_USE;

#endif
