#include "layout.h"

#include <stdbool.h>
#include <string.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes of the string that begins at text, with its quotes. */
static size_t
string_bytes(const char *text, size_t bytes)
{
	size_t i = 1;

	while (i < bytes && text[i] != '"')
		i += text[i] == '\\' ? 2 : 1;
	return i < bytes ? i + 1 : bytes;
}

void
wb_layout_compact(const char *text, size_t bytes, struct wb_buf *out)
{
	for (size_t i = 0; i < bytes;) {
		size_t n =
		    text[i] == '"' ? string_bytes(text + i, bytes - i) : 1;

		if (!is_space(text[i]))
			wb_buf_add(out, text + i, n);
		i += n;
	}
}

static void
add_line(struct wb_buf *out, size_t depth)
{
	wb_buf_adds(out, "\n");
	for (size_t i = 0; i < depth; i++)
		wb_buf_adds(out, "  ");
}

/* Of a compact text. */
static void
add_lines(const char *text, size_t bytes, struct wb_buf *out)
{
	size_t depth = 0;

	for (size_t i = 0; i < bytes;) {
		char c = text[i];
		size_t n = c == '"' ? string_bytes(text + i, bytes - i) : 1;
		bool is_open = c == '{' || c == '[';
		bool is_close = c == '}' || c == ']';
		bool is_empty = is_open && i + 1 < bytes &&
		                (text[i + 1] == '}' || text[i + 1] == ']');

		if (is_empty)
			n = 2;
		else if (is_close && depth > 0)
			add_line(out, --depth);
		wb_buf_add(out, text + i, n);
		if (is_open && !is_empty)
			add_line(out, ++depth);
		else if (c == ',')
			add_line(out, depth);
		else if (c == ':')
			wb_buf_adds(out, " ");
		i += n;
	}
}

void
wb_layout_lines(const char *text, size_t bytes, struct wb_buf *out)
{
	struct wb_buf compact = { 0 };

	wb_layout_compact(text, bytes, &compact);
	add_lines(wb_buf_text(&compact), compact.len, out);
	wb_buf_adds(out, "\n");
	wb_buf_fini(&compact);
}
