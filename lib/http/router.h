/* Paths and queries: splitting, percent-decoding, and finding the route. Works
 * on the raw path, because decoding before splitting would let %2F make new
 * segments and %00 cut the path short. Touches no connection. */
#ifndef WB_HTTP_ROUTER_H
#define WB_HTTP_ROUTER_H

#include "base/arena.h"
#include "http/server.h"

#define WB_HTTP_MAX_SEGMENTS 16
#define WB_HTTP_MAX_PARAMS   8

/* Decoded segments, in the arena. n_segments is 0 for a path with more than
 * WB_HTTP_MAX_SEGMENTS, which no route matches. */
struct wb_http_path {
	const char *segments[WB_HTTP_MAX_SEGMENTS];
	size_t n_segments;
};

/* A list in the order of the query string, in the arena. */
struct wb_http_query {
	struct wb_http_query *next;
	const char *name, *value;
};

struct wb_http_match {
	const struct wb_http_route *route; /* NULL: see allow */
	const char *values[WB_HTTP_MAX_PARAMS];
	char allow[64]; /* "GET, HEAD, OPTIONS"; "" = no such path */
};

/* False, and why in words, for what no client sends in good faith: a broken
 * escape, control characters (%00 among them), invalid UTF-8, and the segments
 * "." and "..", also when escaped. A %2F stays within its segment. */
bool wb_http_path_split(struct wb_arena *arena, const char *raw,
                        struct wb_http_path *ret_path,
                        const char **ret_why) WB_MUST_USE;

/* raw: what follows the "?"; NULL is fine and gives NULL. "a" is "a=". */
bool wb_http_query_split(struct wb_arena *arena, const char *raw,
                         struct wb_http_query **ret_query,
                         const char **ret_why) WB_MUST_USE;

/* The first row with this path and method; HEAD takes the row of GET. */
void wb_http_route_find(const struct wb_http_route *routes, const char *method,
                        const struct wb_http_path *path,
                        struct wb_http_match *ret_match);

/* The value of {name}, NULL when the matched route has no such name. */
const char *wb_http_match_value(const struct wb_http_match *match,
                                const char *name);

#endif
