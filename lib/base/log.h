/* One line per event of note, to stderr:
 *   2026-11-20T16:00:00.123Z warn inventory WB-AMQP-LOST broker=a:5672
 * why="..." Each code is a row of log_codes.h with a sentence for the operator.
 * Never a payload, never a password. */
#ifndef WB_BASE_LOG_H
#define WB_BASE_LOG_H

#include "base/attr.h"
#include "base/log_codes.h"

enum wb_log_level { WB_LOG_ERROR, WB_LOG_WARN, WB_LOG_INFO, WB_LOG_DEBUG };

enum wb_log_code {
#define X(name, code, help) WB_LOG_##name,
	WB_LOG_TABLE(X) WB_LOG_CODE_COUNT
#undef X
};

/* process: shown in each line; the string must outlive the process.
 * Lines above `level` are dropped. */
void wb_log_setup(const char *process, enum wb_log_level level);

/* fmt: key=value pairs. error: someone must act; warn: retried or parked,
 * reconnect; info: the process's own moves; debug: all else. */
void wb_log_error(enum wb_log_code code, const char *fmt, ...) WB_PRINTF(2, 3);
void wb_log_warn(enum wb_log_code code, const char *fmt, ...) WB_PRINTF(2, 3);
void wb_log_info(enum wb_log_code code, const char *fmt, ...) WB_PRINTF(2, 3);
void wb_log_debug(enum wb_log_code code, const char *fmt, ...) WB_PRINTF(2, 3);

/* "WB-AMQP-LOST" */
const char *wb_log_code_text(enum wb_log_code code);

#endif
