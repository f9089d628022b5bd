/* Formats into the stack and writes once: it works when memory is out, and
 * lines of several processes on one stderr don't mix. */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_BYTES 2048
#define MS_BYTES   23 /* 2026-11-20T16:00:00.123 */

static const char *const level_names[] = {
	[WB_LOG_ERROR] = "error",
	[WB_LOG_WARN] = "warn",
	[WB_LOG_INFO] = "info",
	[WB_LOG_DEBUG] = "debug",
};

static const char *const codes[] = {
#define X(name, code, help) [WB_LOG_##name] = code,
	WB_LOG_TABLE(X)
#undef X
};

static const char *process_name = "-";
static enum wb_log_level max_level = WB_LOG_INFO;

void
wb_log_setup(const char *process, enum wb_log_level level)
{
	process_name = process;
	max_level = level;
}

const char *
wb_log_code_text(enum wb_log_code code)
{
	return (size_t)code < WB_ARRAY_LEN(codes) ? codes[code] : "?";
}

/* Foreign messages have line ends in them; a log line has one, at its end. */
static void
flatten(char *text, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
			text[i] = ' ';
	}
}

static void
write_all(const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(STDERR_FILENO, text, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody is left who could be told */
		text += n;
		bytes -= (size_t)n;
	}
}

__attribute__((format(printf, 3, 0))) static void
write_line(enum wb_log_level level, enum wb_log_code code, const char *fmt,
           va_list args)
{
	char line[LINE_BYTES], stamp[WB_TIME_TEXT_BYTES];
	int saved_errno = errno, n;
	size_t used;

	if (level > max_level)
		return;
	wb_time_format(wb_wall_us(), stamp);
	n = snprintf(line, sizeof(line), "%.*sZ %s %s %s ", MS_BYTES, stamp,
	             level_names[level], process_name, wb_log_code_text(code));
	used = n < 0 ? 0 : (size_t)n;
	if (used >= sizeof(line))
		used = sizeof(line) - 1;
	n = vsnprintf(line + used, sizeof(line) - used, fmt, args);
	if (n > 0 && (size_t)n < sizeof(line) - used)
		used += (size_t)n;
	else if (n > 0)
		used = wb_utf8_trim(line, sizeof(line) - 1);
	while (used > 0 && (line[used - 1] == '\n' || line[used - 1] == ' '))
		used--;
	flatten(line, used);
	line[used] = '\n';
	write_all(line, used + 1);
	errno = saved_errno;
}

#define DEFINE_LOG(function, level)                                            \
	void function(enum wb_log_code code, const char *fmt, ...)             \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		va_start(args, fmt);                                           \
		write_line(level, code, fmt, args);                            \
		va_end(args);                                                  \
	}

DEFINE_LOG(wb_log_error, WB_LOG_ERROR)
DEFINE_LOG(wb_log_warn, WB_LOG_WARN)
DEFINE_LOG(wb_log_info, WB_LOG_INFO)
DEFINE_LOG(wb_log_debug, WB_LOG_DEBUG)
