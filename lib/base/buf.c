#include "base/buf.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 64

void
wb_buf_fini(struct wb_buf *buf)
{
	free(buf->data);
	*buf = (struct wb_buf){ .data = NULL };
}

void
wb_buf_clear(struct wb_buf *buf)
{
	buf->len = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/* Room for `bytes` more and the NUL. */
static void
reserve(struct wb_buf *buf, size_t bytes)
{
	size_t want, cap = buf->cap == 0 ? FIRST_BYTES : buf->cap;

	/* A size that can't be had makes wb_realloc report and abort. */
	want =
	    bytes >= SIZE_MAX / 2 - buf->len ? SIZE_MAX : buf->len + bytes + 1;
	if (want <= buf->cap)
		return;
	while (cap < want && cap < SIZE_MAX / 2)
		cap *= 2;
	if (cap < want)
		cap = want;
	buf->data = wb_realloc(buf->data, cap);
	buf->cap = cap;
}

void
wb_buf_add(struct wb_buf *buf, const void *data, size_t bytes)
{
	reserve(buf, bytes);
	if (bytes > 0)
		memcpy(buf->data + buf->len, data, bytes);
	buf->len += bytes;
	buf->data[buf->len] = '\0';
}

void
wb_buf_adds(struct wb_buf *buf, const char *text)
{
	wb_buf_add(buf, text, strlen(text));
}

void
wb_buf_printf(struct wb_buf *buf, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	WB_ASSERT(length >= 0);
	reserve(buf, (size_t)length);
	va_start(args, fmt);
	(void)vsnprintf(buf->data + buf->len, (size_t)length + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)length;
}

/* Bytes at text that stand for themselves inside a JSON string. */
static size_t
plain_run(const char *text, size_t bytes)
{
	size_t run = 0, step;

	while (run < bytes) {
		unsigned char byte = (unsigned char)text[run];

		if (byte < 0x20 || byte == '"' || byte == '\\')
			break;
		step = byte < 0x80 ? 1 : wb_utf8_char(text + run, bytes - run);
		if (step == 0)
			break;
		run += step;
	}
	return run;
}

static void
add_escaped(struct wb_buf *buf, unsigned char byte)
{
	static const char short_forms[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
		['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
	};

	if (byte < sizeof(short_forms) && short_forms[byte] != '\0')
		wb_buf_printf(buf, "\\%c", short_forms[byte]);
	else if (byte < 0x20)
		wb_buf_printf(buf, "\\u%04x", (unsigned)byte);
	else
		wb_buf_adds(buf, "\xEF\xBF\xBD"); /* U+FFFD */
}

void
wb_buf_add_json_string(struct wb_buf *buf, const char *text, size_t bytes)
{
	size_t at = 0, run;

	wb_buf_add(buf, "\"", 1);
	while (at < bytes) {
		run = plain_run(text + at, bytes - at);
		wb_buf_add(buf, text + at, run);
		at += run;
		if (at < bytes)
			add_escaped(buf, (unsigned char)text[at++]);
	}
	wb_buf_add(buf, "\"", 1);
}

const char *
wb_buf_text(const struct wb_buf *buf)
{
	return buf->data == NULL ? "" : buf->data;
}
