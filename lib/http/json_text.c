#include "http/json_text.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <json-c/json.h>
#include <json-c/json_object_iterator.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Returns the offset behind the string that begins at at. */
static size_t
skip_string(const char *text, size_t bytes, size_t at, const char **ret_why)
{
	for (at++; at < bytes && text[at] != '"'; at++) {
		if ((unsigned char)text[at] < 0x20)
			*ret_why = "a control character in a string";
		if (text[at] != '\\')
			continue;
		at++;
		if (bytes - at >= 5 && memcmp(text + at, "u0000", 5) == 0)
			*ret_why = "U+0000 in a string";
	}
	return at + 1;
}

/* At least one digit, or *ret_why. */
static size_t
skip_digits(const char *text, size_t bytes, size_t at, const char **ret_why)
{
	size_t from = at;

	while (at < bytes && text[at] >= '0' && text[at] <= '9')
		at++;
	if (at == from)
		*ret_why = "a malformed number";
	return at;
}

/* Returns the offset behind the number that begins at at. */
static size_t
skip_number(const char *text, size_t bytes, size_t at, const char **ret_why)
{
	size_t from = at + (text[at] == '-' ? 1 : 0);

	at = skip_digits(text, bytes, from, ret_why);
	if (at > from + 1 && text[from] == '0')
		*ret_why = "a number with a leading zero";
	if (at < bytes && text[at] == '.')
		at = skip_digits(text, bytes, at + 1, ret_why);
	if (at < bytes && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		if (at < bytes && (text[at] == '+' || text[at] == '-'))
			at++;
		at = skip_digits(text, bytes, at, ret_why);
	}
	return at;
}

/* The letters are those of true, false and null: there json-c is strict. */
static bool
is_plain(char c)
{
	return c != '\0' &&
	       (strchr(" \t\r\n{}[],:", c) != NULL || (c >= 'a' && c <= 'z'));
}

bool
wb_json_text_scan(const char *text, size_t bytes, size_t *ret_members,
                  const char **ret_why)
{
	size_t at = 0, members = 0;
	const char *why = NULL;

	while (at < bytes && why == NULL) {
		char c = text[at];

		if (c == '"') {
			at = skip_string(text, bytes, at, &why);
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			at = skip_number(text, bytes, at, &why);
		} else {
			if (!is_plain(c))
				why = "an unexpected character";
			/* In valid JSON a colon here belongs to a member. */
			members += c == ':' ? 1 : 0;
			at++;
		}
	}
	if (why != NULL) {
		*ret_why = why;
		return false;
	}
	*ret_members = members;
	return true;
}

size_t
wb_json_tree_members(struct json_object *tree)
{
	struct json_object_iterator at, end;
	size_t i, n = 0;

	if (json_object_is_type(tree, json_type_array)) {
		for (i = 0; i < json_object_array_length(tree); i++)
			n += wb_json_tree_members(
			    json_object_array_get_idx(tree, i));
	}
	if (!json_object_is_type(tree, json_type_object))
		return n;
	at = json_object_iter_begin(tree);
	end = json_object_iter_end(tree);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
		n += 1 + wb_json_tree_members(json_object_iter_peek_value(&at));
	return n;
}

static struct json_object *
parse_strictly(const char *text, size_t bytes, int depth, char *ret_why,
               size_t why_bytes)
{
	struct json_tokener *tokener = wb_made(json_tokener_new_ex(depth));
	struct json_object *tree;
	enum json_tokener_error err;
	size_t end;

	WB_ASSERT(bytes <= INT_MAX);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	tree = json_tokener_parse_ex(tokener, text, (int)bytes);
	err = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	while (end < bytes && strchr(" \t\r\n", text[end]) != NULL)
		end++;
	if (err == json_tokener_success && end < bytes)
		err = json_tokener_error_parse_unexpected;
	if (err != json_tokener_success) {
		(void)snprintf(ret_why, why_bytes, "%s at byte %zu",
		               err == json_tokener_continue
		                   ? "end of text"
		                   : json_tokener_error_desc(err),
		               end);
		json_object_put(tree);
		tree = NULL;
	}
	json_tokener_free(tokener);
	return tree;
}

struct json_object *
wb_json_text_parse(const char *text, size_t bytes, int depth, char *ret_why,
                   size_t why_bytes)
{
	struct json_object *tree;
	const char *why = NULL;
	size_t members = 0;

	/* json-c's own check would take overlong forms. */
	if (!wb_utf8_is_valid(text, bytes))
		why = "it is not UTF-8";
	if (why != NULL || !wb_json_text_scan(text, bytes, &members, &why)) {
		(void)snprintf(ret_why, why_bytes, "%s", why);
		return NULL;
	}
	tree = parse_strictly(text, bytes, depth, ret_why, why_bytes);
	if (tree == NULL)
		return NULL;
	if (!json_object_is_type(tree, json_type_object))
		why = "it is not an object";
	else if (wb_json_tree_members(tree) != members)
		why = "an object has the same name twice";
	if (why != NULL) {
		(void)snprintf(ret_why, why_bytes, "%s", why);
		json_object_put(tree);
		return NULL;
	}
	return tree;
}
