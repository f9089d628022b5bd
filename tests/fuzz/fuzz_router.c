/* A request's target: "METHOD path?query". What is accepted must be decoded
 * without control characters, in UTF-8, and match only as the table says. */
#include "fuzz.h"

#include "base/utf8.h"
#include "http/router.h"

#include <string.h>

static const struct wb_http_route routes[] = {
	{ .method = "POST", .path = "/orders" },
	{ .method = "GET", .path = "/orders" },
	{ .method = "GET", .path = "/orders/{id}" },
	{ .method = "POST", .path = "/orders/{id}/cancel" },
	{ .method = "GET", .path = "/orders/{id}/events" },
	{ .method = "PUT", .path = "/products/{sku}" },
	{ .method = "GET", .path = "/a/{b}/c/{d}/e/{f}" },
	{ .method = NULL },
};

static void
check_text(const char *text)
{
	const char *c;

	WB_ASSERT(wb_utf8_is_valid(text, strlen(text)));
	for (c = text; *c != '\0'; c++)
		WB_ASSERT((unsigned char)*c >= 0x20 && *c != 0x7F);
}

static void
check_path(struct wb_arena *arena, const char *method, const char *raw)
{
	struct wb_http_match match;
	struct wb_http_path path;
	const char *why = NULL, *value;
	size_t i;

	if (!wb_http_path_split(arena, raw, &path, &why)) {
		WB_ASSERT(why != NULL);
		return;
	}
	WB_ASSERT(path.n_segments <= WB_HTTP_MAX_SEGMENTS);
	for (i = 0; i < path.n_segments; i++) {
		check_text(path.segments[i]);
		WB_ASSERT(strcmp(path.segments[i], "..") != 0);
	}
	wb_http_route_find(routes, method, &path, &match);
	value = wb_http_match_value(&match, "id");
	if (value != NULL)
		WB_ASSERT(value == path.segments[1] && value[0] != '\0');
	if (match.route != NULL)
		WB_ASSERT(match.allow[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct wb_arena *arena = wb_arena_new();
	char *text = wb_arena_strndup(arena, (const char *)data, bytes);
	char *path = strchr(text, ' '), *query;
	struct wb_http_query *pairs = NULL;
	const char *why = NULL;

	if (path != NULL) {
		*path++ = '\0';
		query = strchr(path, '?');
		if (query != NULL)
			*query++ = '\0';
		check_path(arena, text, path);
		if (wb_http_query_split(arena, query, &pairs, &why)) {
			for (; pairs != NULL; pairs = pairs->next) {
				check_text(pairs->name);
				check_text(pairs->value);
			}
		} else {
			WB_ASSERT(why != NULL);
		}
	}
	wb_arena_free(arena);
	return 0;
}
