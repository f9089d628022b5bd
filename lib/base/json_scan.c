/* The grammar of JSON, token by token and without recursion. Not a parser:
 * nothing is kept but the places of the names of the objects that are open. */
#include "base/json_scan.h"

#include "base/json_names.h"
#include "base/json_string.h"

#include <stdint.h>
#include <string.h>

/* What may be the next token. */
enum next {
	VALUE,
	VALUE_OR_END, /* behind [ */
	NAME,
	NAME_OR_END, /* behind { */
	COMMA_OR_END,
	NOTHING, /* the object is complete */
};

struct level {
	bool is_object;
	size_t first_name; /* of this object */
};

struct scan {
	const char *at, *end;
	const struct wb_json_rules *rules;
	enum next next;
	size_t depth;
	struct level levels[WB_JSON_MAX_DEPTH];
	struct wb_json_names names; /* of the open objects */
};

static char
peek(const struct scan *scan)
{
	return scan->at < scan->end ? *scan->at : '\0';
}

static bool
take(struct scan *scan, char wanted)
{
	if (peek(scan) != wanted)
		return false;
	scan->at++;
	return true;
}

static void
skip_space(struct scan *scan)
{
	while (peek(scan) == ' ' || peek(scan) == '\t' || peek(scan) == '\n' ||
	       peek(scan) == '\r')
		scan->at++;
}

/* ---- tokens: each function moves behind its token and returns NULL, or stays
 * somewhere within it and says what is wrong ---- */

static bool
take_digits(struct scan *scan)
{
	const char *from = scan->at;

	while (peek(scan) >= '0' && peek(scan) <= '9')
		scan->at++;
	return scan->at > from;
}

/* Whether the digits at text are at most limit. */
static bool
is_within(const char *text, const char *end, uint64_t limit)
{
	uint64_t value = 0;

	for (; text < end; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	return true;
}

static const char *
scan_number(struct scan *scan)
{
	const uint64_t lowest = (uint64_t)INT64_MAX + 1;
	bool is_negative = take(scan, '-'), is_wide;
	const char *from = scan->at;

	if (!take(scan, '0') && !take_digits(scan))
		return "a number without digits";
	if (peek(scan) >= '0' && peek(scan) <= '9')
		return "a number with a leading zero";
	is_wide = !is_within(from, scan->at, is_negative ? lowest : UINT64_MAX);
	from = scan->at;
	if (take(scan, '.') && !take_digits(scan))
		return "a number without digits after its point";
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '-'))
			(void)take(scan, '+'); /* may be absent */
		if (!take_digits(scan))
			return "a number without digits in its exponent";
	}
	if (scan->at == from && is_wide && !scan->rules->has_wide_integers)
		return "an integer of more than 64 bits";
	return NULL;
}

static const char *
scan_string(struct scan *scan)
{
	struct wb_json_char taken;
	const char *fault;

	scan->at++;
	while (scan->at < scan->end && *scan->at != '"') {
		if (wb_json_is_plain(*scan->at)) {
			scan->at++;
			continue;
		}
		fault = wb_json_take_char(&scan->at, scan->end, &taken);
		if (fault != NULL)
			return fault;
	}
	return take(scan, '"') ? NULL : "a string without an end";
}

static const char *
scan_word(struct scan *scan)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i, bytes, left = (size_t)(scan->end - scan->at);

	for (i = 0; i < WB_ARRAY_LEN(words); i++) {
		bytes = strlen(words[i]);
		if (left >= bytes && memcmp(scan->at, words[i], bytes) == 0) {
			scan->at += bytes;
			return NULL;
		}
	}
	return "an unexpected character";
}

/* ---- grammar: these functions also say what may be next ---- */

static const char *
open_level(struct scan *scan)
{
	bool is_object = peek(scan) == '{';

	if (scan->depth == scan->rules->max_depth)
		return "nesting too deep";
	scan->at++;
	scan->levels[scan->depth++] = (struct level){
		.is_object = is_object,
		.first_name = scan->names.n,
	};
	scan->next = is_object ? NAME_OR_END : VALUE_OR_END;
	return NULL;
}

static const char *
close_level(struct scan *scan)
{
	const struct level *level = &scan->levels[scan->depth - 1];
	const char *again;

	if (!take(scan, level->is_object ? '}' : ']'))
		return "an unexpected character";
	again = wb_json_names_leave(&scan->names, level->first_name);
	if (again != NULL) {
		scan->at = again;
		return "a name that its object has already";
	}
	scan->depth--;
	scan->next = scan->depth == 0 ? NOTHING : COMMA_OR_END;
	return NULL;
}

static const char *
scan_name(struct scan *scan)
{
	const char *from = scan->at + 1, *fault;

	if (peek(scan) != '"')
		return "an unexpected character";
	fault = scan_string(scan);
	if (fault != NULL)
		return fault;
	wb_json_names_add(&scan->names, from, scan->at - 1);
	skip_space(scan);
	if (!take(scan, ':'))
		return "a name without a colon";
	scan->next = VALUE;
	return NULL;
}

static const char *
scan_value(struct scan *scan)
{
	char first = peek(scan);

	if (first == '{' || first == '[')
		return open_level(scan);
	scan->next = COMMA_OR_END;
	if (first == '"')
		return scan_string(scan);
	if (first == '-' || (first >= '0' && first <= '9'))
		return scan_number(scan);
	return scan_word(scan);
}

static const char *
scan_comma(struct scan *scan)
{
	if (!take(scan, ','))
		return close_level(scan);
	scan->next = scan->levels[scan->depth - 1].is_object ? NAME : VALUE;
	return NULL;
}

static const char *
scan_token(struct scan *scan)
{
	char first = peek(scan);

	if (scan->at == scan->end)
		return "the text ends too early";
	switch (scan->next) {
	case VALUE_OR_END:
		return first == ']' ? close_level(scan) : scan_value(scan);
	case VALUE:
		return scan_value(scan);
	case NAME_OR_END:
		return first == '}' ? close_level(scan) : scan_name(scan);
	case NAME:
		return scan_name(scan);
	case COMMA_OR_END:
		return scan_comma(scan);
	case NOTHING:
		break;
	}
	return "an unexpected character";
}

static const char *
scan_text(struct scan *scan)
{
	const char *fault;

	skip_space(scan);
	if (peek(scan) != '{')
		return "not a JSON object";
	do {
		fault = scan_token(scan);
		if (fault != NULL)
			return fault;
		skip_space(scan);
	} while (scan->next != NOTHING || scan->at < scan->end);
	return NULL;
}

enum wb_err
wb_json_scan(const char *text, size_t bytes, const struct wb_json_rules *rules,
             struct wb_note *note)
{
	struct scan scan = {
		.at = text,
		.end = text + bytes,
		.rules = rules,
		.next = VALUE,
	};
	const char *fault;

	WB_ASSERT(rules->max_depth >= 1 &&
	          rules->max_depth <= WB_JSON_MAX_DEPTH);
	fault = scan_text(&scan);
	wb_json_names_fini(&scan.names);
	if (fault == NULL)
		return WB_OK;
	return wb_fail(note, WB_ERR_BAD_MESSAGE, "at byte %zu: %s",
	               (size_t)(scan.at - text), fault);
}
