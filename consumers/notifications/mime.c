/* Text for the header and the body of a mail. */
#include "mime.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* Of a text that is sent as it is, behind the header's name; of the characters
 * in an encoded word (75 allowed with its 12 of frame, 76 for the line with the
 * header's name); of a line of quoted-printable without its soft break. */
enum { PLAIN_BYTES = 60, WORD_BYTES = 48, LINE_BYTES = 75 };

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* "=?" would be taken for an encoded word. */
static bool
is_plain(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] <= 0x7e)
		n++;
	return n <= PLAIN_BYTES && text[n] == '\0' &&
	       strstr(text, "=?") == NULL;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

static void
add_hex(struct wb_buf *buf, char c)
{
	wb_buf_printf(buf, "=%02X", (unsigned)(unsigned char)c);
}

/* The "Q" encoding for all places that a word may stand in. */
static void
add_q(struct wb_buf *buf, char c)
{
	if (is_alnum(c))
		wb_buf_add(buf, &c, 1);
	else if (c == ' ' || is_control(c))
		wb_buf_adds(buf, "_");
	else
		add_hex(buf, c);
}

/* A character is never cut in two. Bytes that are no UTF-8 stand alone. */
static void
add_words(struct wb_buf *buf, const char *text)
{
	size_t left = strlen(text), word = buf->len;

	wb_buf_adds(buf, "=?UTF-8?Q?");
	while (left > 0) {
		size_t bytes = wb_utf8_char(text, left);

		if (bytes == 0)
			bytes = 1;
		if (buf->len - word + 3 * bytes > WORD_BYTES) {
			wb_buf_adds(buf, "?=\r\n ");
			word = buf->len;
			wb_buf_adds(buf, "=?UTF-8?Q?");
		}
		for (size_t i = 0; i < bytes; i++)
			add_q(buf, text[i]);
		text += bytes;
		left -= bytes;
	}
	wb_buf_adds(buf, "?=");
}

void
mime_add_text(struct wb_buf *buf, const char *text)
{
	if (is_plain(text))
		wb_buf_adds(buf, text);
	else
		add_words(buf, text);
}

static void
add_quoted(struct wb_buf *buf, const char *text)
{
	wb_buf_adds(buf, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			wb_buf_adds(buf, "\\");
		wb_buf_add(buf, text, 1);
	}
	wb_buf_adds(buf, "\"");
}

void
mime_add_mailbox(struct wb_buf *buf, const char *name, const char *address)
{
	if (is_plain(name) && *name != '\0')
		add_quoted(buf, name);
	else if (*name != '\0')
		add_words(buf, name);
	wb_buf_printf(buf, "%s<%s>", *name == '\0' ? "" : "\r\n ", address);
}

void
mime_add_quoted_printable(struct wb_buf *buf, const char *text)
{
	size_t line = buf->len;

	for (; *text != '\0'; text++) {
		bool is_blank = *text == ' ' || *text == '\t';
		/* Blanks at the end of a line would get lost on the way. */
		bool is_literal =
		    is_blank ? text[1] != '\n' && text[1] != '\0'
		             : *text > 0x20 && *text < 0x7f && *text != '=';

		if (*text == '\n') {
			wb_buf_adds(buf, "\r\n");
			line = buf->len;
			continue;
		}
		if (buf->len - line + (is_literal ? 1 : 3) > LINE_BYTES) {
			wb_buf_adds(buf, "=\r\n");
			line = buf->len;
		}
		if (is_literal)
			wb_buf_add(buf, text, 1);
		else
			add_hex(buf, *text);
	}
}
