/* A scan over the tokens of a JSON text. Not a parser: it only closes the gaps
 * that json-c leaves. */
#include "event/strict.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct scan {
	const char *text;
	size_t bytes;
	size_t at;
};

static char
peek(const struct scan *scan)
{
	return scan->at < scan->bytes ? scan->text[scan->at] : '\0';
}

static bool
take(struct scan *scan, char wanted)
{
	if (peek(scan) != wanted)
		return false;
	scan->at++;
	return true;
}

static bool
take_digits(struct scan *scan)
{
	size_t from = scan->at;

	while (peek(scan) >= '0' && peek(scan) <= '9')
		scan->at++;
	return scan->at > from;
}

/* Whether the digits at text are at most limit. */
static bool
is_within(const char *text, size_t n_digits, uint64_t limit)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < n_digits; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	return true;
}

/* Each token function moves behind its token and returns NULL, or stays
 * somewhere within it and says what is wrong. */
static const char *
scan_number(struct scan *scan)
{
	const uint64_t lowest = (uint64_t)INT64_MAX + 1;
	bool is_negative = take(scan, '-'), fits;
	size_t from = scan->at;

	if (!take(scan, '0') && !take_digits(scan))
		return "a number without digits";
	fits = is_within(scan->text + from, scan->at - from,
	                 is_negative ? lowest : UINT64_MAX);
	from = scan->at;
	if (take(scan, '.') && !take_digits(scan))
		return "a number without digits after its point";
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '-'))
			(void)take(scan, '+'); /* may be absent */
		if (!take_digits(scan))
			return "a number without digits in its exponent";
	}
	if (scan->at == from && !fits)
		return "an integer of more than 64 bits";
	if (peek(scan) >= '0' && peek(scan) <= '9')
		return "a number with a leading zero";
	return NULL;
}

static const char *
scan_string(struct scan *scan)
{
	size_t step;

	scan->at++;
	while (scan->at < scan->bytes) {
		unsigned char byte = (unsigned char)scan->text[scan->at];

		if (byte < 0x20)
			return "a control character in a string";
		if (byte == '"') {
			scan->at++;
			return NULL;
		}
		if (byte == '\\') /* json-c checks what follows it */
			step = 2;
		else
			step = wb_utf8_char(scan->text + scan->at,
			                    scan->bytes - scan->at);
		if (step == 0)
			return "invalid UTF-8";
		scan->at += step;
	}
	return "a string without an end";
}

static const char *
scan_token(struct scan *scan)
{
	char next = peek(scan);

	if (next == '"')
		return scan_string(scan);
	if (next == '-' || (next >= '0' && next <= '9'))
		return scan_number(scan);
	/* Lower case: true, false, null; json-c is strict about those. */
	if (next == '\0' || (strchr("{}[],: \t\r\n", next) == NULL &&
	                     !(next >= 'a' && next <= 'z')))
		return "an unexpected character";
	scan->at++;
	return NULL;
}

enum wb_err
wb_json_check_tokens(const char *text, size_t bytes, struct wb_note *note)
{
	struct scan scan = { .text = text, .bytes = bytes };
	const char *fault;

	while (scan.at < scan.bytes) {
		fault = scan_token(&scan);
		if (fault != NULL)
			return wb_fail(note, WB_ERR_BAD_MESSAGE,
			               "at byte %zu: %s", scan.at, fault);
	}
	return WB_OK;
}
