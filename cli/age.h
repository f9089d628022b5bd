/* Ages, as flags take them: "90s", "15m", "2h", "7d". */
#ifndef WB_CLI_AGE_H
#define WB_CLI_AGE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* BAD_CONFIG with a note that begins with "--<flag>=". */
enum wb_err wb_age_parse(const char *flag, const char *text, int64_t *ret_us,
                         struct wb_note *note) WB_MUST_USE;

#endif
