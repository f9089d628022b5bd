/* Paths, queries and routes; the ids that a request carries; the text of
 * problems. */
#include "http/problem.h"
#include "http/router.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
handle(struct wb_http_request *request, void *arg)
{
	(void)request;
	(void)arg;
}

static const struct wb_http_route routes[] = {
	{ .method = "GET", .path = "/", .handle = handle },
	{ .method = "GET", .path = "/orders", .handle = handle },
	{ .method = "POST", .path = "/orders", .handle = handle },
	{ .method = "GET", .path = "/orders/new", .handle = handle },
	{ .method = "GET", .path = "/orders/{id}", .handle = handle },
	{ .method = "POST", .path = "/orders/{id}/cancel", .handle = handle },
	{ .method = "PUT", .path = "/{kind}/{id}/x", .handle = handle },
	{ .method = NULL },
};

static int
setup(void **state)
{
	*state = wb_arena_new();
	return 0;
}

static int
teardown(void **state)
{
	wb_arena_free(*state);
	return 0;
}

static struct wb_http_match
find(struct wb_arena *arena, const char *method, const char *raw)
{
	struct wb_http_match match;
	struct wb_http_path path;
	const char *why = NULL;

	assert_true(wb_http_path_split(arena, raw, &path, &why));
	wb_http_route_find(routes, method, &path, &match);
	return match;
}

static void
route_index_is(struct wb_arena *arena, const char *method, const char *raw,
               int index)
{
	struct wb_http_match match = find(arena, method, raw);

	if (index < 0)
		assert_null(match.route);
	else
		assert_ptr_equal(match.route, &routes[index]);
}

static void
routes_are_found(void **state)
{
	route_index_is(*state, "GET", "/", 0);
	route_index_is(*state, "GET", "/orders", 1);
	route_index_is(*state, "HEAD", "/orders", 1);
	route_index_is(*state, "POST", "/orders", 2);
	route_index_is(*state, "GET", "/%6Frders", 1);
	route_index_is(*state, "GET", "/orders/new", 3);
	route_index_is(*state, "GET", "/orders/17", 4);
	route_index_is(*state, "POST", "/orders/17/cancel", 5);
	route_index_is(*state, "PUT", "/a/b/x", 6);
	route_index_is(*state, "GET", "/orders/", -1);
	route_index_is(*state, "GET", "//orders", -1);
	route_index_is(*state, "GET", "/orders//", -1);
	route_index_is(*state, "GET", "/ORDERS", -1);
	route_index_is(*state, "GET", "/orders/17/cancel/x", -1);
	route_index_is(*state, "HEAD", "/orders/17/cancel", -1);
	route_index_is(*state, "GET", "/orders%2F17", -1);
}

static void
values_are_decoded(void **state)
{
	struct wb_http_match match;

	match = find(*state, "GET", "/orders/a%2Fb%20c+d");
	assert_string_equal(wb_http_match_value(&match, "id"), "a/b c+d");
	assert_null(wb_http_match_value(&match, "i"));
	match = find(*state, "PUT", "/k%C3%A4se/2/x");
	assert_string_equal(wb_http_match_value(&match, "kind"), "k\xC3\xA4se");
	assert_string_equal(wb_http_match_value(&match, "id"), "2");
}

static void
allow_lists_methods(void **state)
{
	assert_string_equal(find(*state, "PUT", "/orders").allow,
	                    "GET, HEAD, POST, OPTIONS");
	assert_string_equal(find(*state, "GET", "/orders/1/cancel").allow,
	                    "POST, OPTIONS");
	assert_string_equal(find(*state, "GET", "/nothing").allow, "");
}

static void
bad_paths_are_refused(void **state)
{
	static const char *const paths[] = {
		"",
		"orders",
		"*",
		"/%00",
		"/a%00b",
		"/%0A",
		"/%7F",
		"/%",
		"/%4",
		"/%zz",
		"/a%4/b",
		"/\xFF",
		"/%FF",
		"/%C0%AF",
		"/%ED%A0%80",
		"/..",
		"/orders/..",
		"/./orders",
		"/orders/%2e%2E",
		"/.%2e/x",
	};
	struct wb_http_path path;
	const char *why;
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(paths); i++) {
		why = NULL;
		if (wb_http_path_split(*state, paths[i], &path, &why))
			fail_msg("%s was taken", paths[i]);
		assert_non_null(why);
	}
}

static void
long_paths_match_nothing(void **state)
{
	char raw[3 * WB_HTTP_MAX_SEGMENTS + 3] = "";
	size_t i;

	for (i = 0; i <= WB_HTTP_MAX_SEGMENTS; i++)
		memcpy(raw + 2 * i, "/a", 3);
	route_index_is(*state, "GET", raw, -1);
}

static const char *
query_value(const struct wb_http_query *query, const char *name)
{
	for (; query != NULL; query = query->next) {
		if (strcmp(query->name, name) == 0)
			return query->value;
	}
	return NULL;
}

static void
queries_are_decoded(void **state)
{
	struct wb_http_query *query;
	const char *why;

	assert_true(wb_http_query_split(*state, NULL, &query, &why));
	assert_null(query);
	assert_true(wb_http_query_split(*state, "", &query, &why));
	assert_null(query);
	assert_true(wb_http_query_split(
	    *state, "&a=1&a=2&b&c=&d%20e=x+y%2Bz&=f&g=1=2&", &query, &why));
	assert_string_equal(query_value(query, "a"), "1");
	assert_string_equal(query_value(query, "b"), "");
	assert_string_equal(query_value(query, "c"), "");
	assert_string_equal(query_value(query, "d e"), "x y+z");
	assert_string_equal(query_value(query, ""), "f");
	assert_string_equal(query_value(query, "g"), "1=2");
	assert_null(query_value(query, "h"));
	assert_false(wb_http_query_split(*state, "a=%00", &query, &why));
	assert_false(wb_http_query_split(*state, "a=%", &query, &why));
	assert_false(wb_http_query_split(*state, "%zz=1", &query, &why));
	assert_false(wb_http_query_split(*state, "a=%FE", &query, &why));
}

static const char *
member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value)
	           ? json_object_get_string(value)
	           : NULL;
}

static void
problems_are_json(void **state)
{
	struct wb_http_errors *errors = wb_http_errors_new();
	struct wb_buf buf = { .data = NULL };
	struct json_object *json;

	(void)state;
	wb_http_errors_add(errors, "/lines/0/sku", "\"%s\" is no SKU", "x\n");
	wb_http_errors_add(errors, "", "and more");
	assert_int_equal(wb_http_errors_count(errors), 2);
	wb_http_problem_print(&buf, &(struct wb_http_problem){
	                                .status = 422,
	                                .slug = "unknown-sku",
	                                .detail = "No \"such\" thing.",
	                                .instance = "/orders/\xFF",
	                                .request_id = "r-1",
	                                .errors = errors,
	                            });
	json = json_tokener_parse(buf.data);
	assert_non_null(json);
	assert_string_equal(member(json, "type"),
	                    WB_HTTP_PROBLEM_BASE "unknown-sku");
	assert_string_equal(member(json, "title"), "Unknown sku");
	assert_string_equal(member(json, "status"), "422");
	assert_string_equal(member(json, "detail"), "No \"such\" thing.");
	assert_string_equal(member(json, "instance"), "/orders/\xEF\xBF\xBD");
	assert_string_equal(member(json, "request_id"), "r-1");
	assert_non_null(strstr(buf.data, "\"pointer\":\"/lines/0/sku\""));
	assert_non_null(strstr(buf.data, "\"pointer\":\"\""));
	json_object_put(json);
	wb_buf_fini(&buf);
	wb_http_errors_free(errors);
}

static void
plain_problems_are_about_blank(void **state)
{
	struct wb_buf buf = { .data = NULL };

	(void)state;
	wb_http_problem_print(&buf, &(struct wb_http_problem){
	                                .status = 404,
	                            });
	assert_string_equal(buf.data, "{\"type\":\"about:blank\",\"title\":"
	                              "\"Not Found\",\"status\":404}");
	wb_buf_fini(&buf);
	assert_string_equal(wb_http_phrase(999), "Unknown");
}

static void
errors_are_bounded(void **state)
{
	struct wb_http_errors *errors = wb_http_errors_new();
	struct wb_buf buf = { .data = NULL };
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		wb_http_errors_add(errors, "/a", "number %d", i);
	assert_int_equal(wb_http_errors_count(errors), 10000);
	wb_http_problem_print(&buf, &(struct wb_http_problem){
	                                .status = 422,
	                                .errors = errors,
	                            });
	assert_true(buf.len < 4096);
	wb_buf_fini(&buf);
	wb_http_errors_free(errors);
}

int
main(void)
{
#define WITH_ARENA(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_ARENA(routes_are_found),
		WITH_ARENA(values_are_decoded),
		WITH_ARENA(allow_lists_methods),
		WITH_ARENA(bad_paths_are_refused),
		WITH_ARENA(long_paths_match_nothing),
		WITH_ARENA(queries_are_decoded),
		cmocka_unit_test(problems_are_json),
		cmocka_unit_test(plain_problems_are_about_blank),
		cmocka_unit_test(errors_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
