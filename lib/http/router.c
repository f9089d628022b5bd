#include "http/router.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
decode_escape(const char *raw, size_t bytes, char *ret_c)
{
	int high, low;

	if (bytes < 3)
		return false;
	high = hex_digit(raw[1]);
	low = hex_digit(raw[2]);
	if (high < 0 || low < 0)
		return false;
	*ret_c = (char)(high * 16 + low);
	return true;
}

static const char *
find_fault(const char *text, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
			return "it holds a control character";
	}
	if (!wb_utf8_is_valid(text, bytes))
		return "it is not UTF-8";
	return NULL;
}

/* Decodes one character; returns how many raw bytes it took, 0 for a broken
 * escape. */
static size_t
decode_char(const char *raw, size_t bytes, bool is_query, char *ret_c)
{
	if (raw[0] == '%')
		return decode_escape(raw, bytes, ret_c) ? 3 : 0;
	*ret_c = raw[0] == '+' && is_query ? ' ' : raw[0];
	return 1;
}

/* The decoded text in the arena, or NULL and why not. */
static const char *
decode(struct wb_arena *arena, const char *raw, size_t bytes, bool is_query,
       const char **ret_why)
{
	char *text = wb_arena_alloc(arena, bytes + 1);
	size_t at = 0, taken, n = 0;

	while (at < bytes) {
		taken = decode_char(raw + at, bytes - at, is_query, &text[n]);
		if (taken == 0) {
			*ret_why = "a % needs two hex digits";
			return NULL;
		}
		at += taken;
		n++;
	}
	*ret_why = find_fault(text, n);
	return *ret_why == NULL ? text : NULL;
}

bool
wb_http_path_split(struct wb_arena *arena, const char *raw,
                   struct wb_http_path *ret_path, const char **ret_why)
{
	struct wb_http_path path = { .n_segments = 0 };
	size_t bytes, n = 0;

	if (raw[0] != '/') {
		*ret_why = "it does not begin with a slash";
		return false;
	}
	for (; *raw == '/'; raw += bytes) {
		const char *segment;

		bytes = strcspn(++raw, "/");
		segment = decode(arena, raw, bytes, false, ret_why);
		if (segment == NULL)
			return false;
		if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0) {
			*ret_why = "it has a dot segment";
			return false;
		}
		if (n < WB_HTTP_MAX_SEGMENTS)
			path.segments[n] = segment;
		n++;
	}
	path.n_segments = n <= WB_HTTP_MAX_SEGMENTS ? n : 0;
	*ret_path = path;
	return true;
}

bool
wb_http_query_split(struct wb_arena *arena, const char *raw,
                    struct wb_http_query **ret_query, const char **ret_why)
{
	struct wb_http_query *first = NULL, **link = &first;

	while (raw != NULL && *raw != '\0') {
		size_t bytes = strcspn(raw, "&"), name = strcspn(raw, "=&");
		struct wb_http_query *pair =
		    wb_arena_alloc(arena, sizeof(*pair));

		pair->name = decode(arena, raw, name, true, ret_why);
		if (pair->name == NULL)
			return false;
		pair->value = "";
		if (name < bytes) {
			pair->value = decode(arena, raw + name + 1,
			                     bytes - name - 1, true, ret_why);
			if (pair->value == NULL)
				return false;
		}
		if (bytes > 0) {
			*link = pair;
			link = &pair->next;
		}
		raw += bytes;
		if (*raw == '&')
			raw++;
	}
	*ret_query = first;
	return true;
}

static bool
is_name(const char *segment, size_t bytes)
{
	return bytes >= 2 && segment[0] == '{' && segment[bytes - 1] == '}';
}

/* pattern is "/orders/{id}": ours, so neither escaped nor empty. */
static bool
matches(const char *pattern, const struct wb_http_path *path,
        const char **values)
{
	size_t i, bytes, n_values = 0;

	for (i = 0; *pattern == '/'; pattern += bytes, i++) {
		bytes = strcspn(++pattern, "/");
		if (i == path->n_segments)
			return false;
		if (is_name(pattern, bytes)) {
			if (path->segments[i][0] == '\0')
				return false;
			WB_ASSERT(n_values < WB_HTTP_MAX_PARAMS);
			values[n_values++] = path->segments[i];
		} else if (strlen(path->segments[i]) != bytes ||
		           memcmp(pattern, path->segments[i], bytes) != 0) {
			return false;
		}
	}
	return i == path->n_segments;
}

static void
add_allowed(struct wb_http_match *match, const char *method)
{
	size_t used = strlen(match->allow);
	int n = snprintf(match->allow + used, sizeof(match->allow) - used,
	                 "%s%s", used > 0 ? ", " : "", method);

	WB_ASSERT(n > 0 && (size_t)n < sizeof(match->allow) - used);
}

void
wb_http_route_find(const struct wb_http_route *routes, const char *method,
                   const struct wb_http_path *path,
                   struct wb_http_match *ret_match)
{
	struct wb_http_match match = { .route = NULL };
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	const char *values[WB_HTTP_MAX_PARAMS] = { NULL };
	const struct wb_http_route *route;

	for (route = routes; route->method != NULL; route++) {
		if (!matches(route->path, path, values))
			continue;
		add_allowed(&match, route->method);
		if (strcmp(route->method, "GET") == 0)
			add_allowed(&match, "HEAD");
		if (match.route == NULL && strcmp(route->method, wanted) == 0) {
			match.route = route;
			memcpy(match.values, values, sizeof(values));
		}
	}
	if (match.allow[0] != '\0')
		add_allowed(&match, "OPTIONS");
	*ret_match = match;
}

const char *
wb_http_match_value(const struct wb_http_match *match, const char *name)
{
	const char *pattern = match->route == NULL ? "" : match->route->path;
	size_t bytes, n_values = 0;

	for (; *pattern == '/'; pattern += bytes) {
		bytes = strcspn(++pattern, "/");
		if (!is_name(pattern, bytes))
			continue;
		if (strlen(name) == bytes - 2 &&
		    memcmp(pattern + 1, name, bytes - 2) == 0)
			return match->values[n_values];
		n_values++;
	}
	return NULL;
}
