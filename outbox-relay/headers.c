/* A parser for one flat JSON object. The database has checked that the text is
 * JSON; this one must still be safe with anything. */
#include "headers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

struct parser {
	const char *at;
	struct wb_arena *arena;
	struct wb_amqp_header *headers;
	size_t n, cap;
	size_t bytes; /* of names and values */
};

static void
skip_space(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t\r\n");
}

static bool
take(struct parser *parser, char c)
{
	skip_space(parser);
	if (*parser->at != c)
		return false;
	parser->at++;
	return true;
}

static bool
parse_hex4(struct parser *parser, uint32_t *ret_code)
{
	uint32_t code = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = NULL;

		if (*parser->at != '\0')
			digit = strchr(digits, *parser->at);
		if (digit == NULL)
			return false;
		code = code * 16 + (uint32_t)(digit - digits);
		if (digit - digits >= 16)
			code -= 6;
		parser->at++;
	}
	*ret_code = code;
	return true;
}

/* After "\u": one code point, of two units when it is a surrogate pair. */
static bool
parse_code_point(struct parser *parser, uint32_t *ret_code)
{
	uint32_t code, low;

	if (!parse_hex4(parser, &code) || code == 0 ||
	    (code >= 0xdc00 && code <= 0xdfff))
		return false;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (strncmp(parser->at, "\\u", 2) != 0)
			return false;
		parser->at += 2;
		if (!parse_hex4(parser, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*ret_code = code;
	return true;
}

/* Writes UTF-8, never longer than its escape. Returns the end. */
static char *
put_code_point(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (char)(0xf0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	}
	return out;
}

static bool
parse_escape(struct parser *parser, char **out)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	const char *found = NULL;
	char c = *parser->at;
	uint32_t code;

	if (c == '\0')
		return false;
	parser->at++;
	if (c == 'u') {
		if (!parse_code_point(parser, &code))
			return false;
		*out = put_code_point(*out, code);
		return true;
	}
	found = strchr(escapes, c);
	if (found == NULL)
		return false;
	*(*out)++ = meant[found - escapes];
	return true;
}

/* A JSON string into the arena. */
static bool
parse_string(struct parser *parser, const char **ret_text)
{
	size_t most = 0;
	char *text, *out;

	if (!take(parser, '"'))
		return false;
	while (parser->at[most] != '\0' && parser->at[most] != '"')
		most += parser->at[most] == '\\' && parser->at[most + 1] != '\0'
		            ? 2
		            : 1;
	if (most > 6 * HEADERS_MAX_BYTES)
		return false;
	out = text = wb_arena_alloc(parser->arena, most + 1);
	while (*parser->at != '"') {
		if (*parser->at == '\0')
			return false;
		if (*parser->at != '\\') {
			*out++ = *parser->at++;
			continue;
		}
		parser->at++;
		if (!parse_escape(parser, &out))
			return false;
	}
	parser->at++;
	*out = '\0';
	parser->bytes += (size_t)(out - text);
	*ret_text = text;
	return true;
}

/* A number, true, false or null. */
static bool
parse_word(struct parser *parser, struct wb_amqp_header *header)
{
	size_t bytes = strcspn(parser->at, " \t\r\n,}]{[\"");
	char *word, *end;

	if (bytes == 0 || bytes > HEADERS_MAX_BYTES)
		return false;
	word = wb_arena_strndup(parser->arena, parser->at, bytes);
	parser->at += bytes;
	parser->bytes += bytes;
	errno = 0;
	header->number = strtoll(word, &end, 10);
	if (*end != '\0' || errno != 0)
		header->text = word;
	return true;
}

static struct wb_amqp_header *
add_header(struct parser *parser)
{
	struct wb_amqp_header *grown;
	size_t cap = parser->cap == 0 ? 16 : 2 * parser->cap;

	if (parser->n == parser->cap) {
		grown = wb_arena_alloc(parser->arena, cap * sizeof *grown);
		if (parser->n > 0)
			memcpy(grown, parser->headers,
			       parser->n * sizeof *grown);
		parser->headers = grown;
		parser->cap = cap;
	}
	return &parser->headers[parser->n++];
}

/* Further routing keys, as lists: as anything else, the broker closes the
 * channel, and one row would stop all others of its batch for ever. */
static bool
is_brokers_own(const char *name)
{
	return strcmp(name, "CC") == 0 || strcmp(name, "BCC") == 0;
}

static bool
parse_member(struct parser *parser)
{
	struct wb_amqp_header *header = add_header(parser);

	if (!parse_string(parser, &header->name) || !take(parser, ':') ||
	    strlen(header->name) > HEADERS_MAX_NAME ||
	    is_brokers_own(header->name))
		return false;
	parser->bytes += HEADERS_EACH_BYTES;
	skip_space(parser);
	if (*parser->at == '"')
		return parse_string(parser, &header->text);
	return parse_word(parser, header);
}

static bool
parse_object(struct parser *parser)
{
	if (!take(parser, '{'))
		return false;
	if (!take(parser, '}')) {
		do {
			if (!parse_member(parser) ||
			    parser->bytes > HEADERS_MAX_BYTES)
				return false;
		} while (take(parser, ','));
		if (!take(parser, '}'))
			return false;
	}
	skip_space(parser);
	return *parser->at == '\0';
}

enum wb_err
headers_parse(const char *json, struct wb_arena *arena, struct wb_note *note,
              const struct wb_amqp_header **ret_headers, size_t *ret_n)
{
	struct parser parser = { .at = json, .arena = arena };

	if (!parse_object(&parser))
		return wb_fail(
		    note, WB_ERR_BAD_MESSAGE,
		    "headers must be an object of text and integers, "
		    "%zu bytes at most, without CC and BCC",
		    HEADERS_MAX_BYTES);
	*ret_headers = parser.headers;
	*ret_n = parser.n;
	return WB_OK;
}
