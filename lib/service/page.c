#include "service/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_LIMIT = 20, MAX_LIMIT = 100 };

bool
wb_page_is_uuid(const char *cursor)
{
	struct wb_uuid uuid;

	return wb_uuid_parse(cursor, &uuid);
}

static bool
read_limit(const char *text, int64_t *ret_limit)
{
	size_t n = strlen(text);
	long limit = 0;

	if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
		return false;
	limit = strtol(text, NULL, 10);
	if (limit < 1 || limit > MAX_LIMIT)
		return false;
	*ret_limit = limit;
	return true;
}

bool
wb_page_read(struct wb_http_request *request, wb_page_is_key_fn is_key,
             struct wb_page *ret_page)
{
	const char *limit = wb_http_query_param(request, "limit");
	const char *cursor = wb_http_query_param(request, "cursor");
	struct wb_page page = { .limit = DEFAULT_LIMIT };

	if (limit != NULL && !read_limit(limit, &page.limit)) {
		wb_http_problem(request, 400, "invalid-query",
		                "limit must be a number from 1 to 100.");
		return false;
	}
	if (cursor != NULL &&
	    (strlen(cursor) >= sizeof(page.cursor) || !is_key(cursor))) {
		wb_http_problem(request, 400, "invalid-query",
		                "cursor must be the next of another page.");
		return false;
	}
	if (cursor != NULL)
		memcpy(page.cursor, cursor, strlen(cursor) + 1);
	*ret_page = page;
	return true;
}

void
wb_page_bind(const struct wb_page *page, struct wb_pg_args *args)
{
	wb_pg_arg_text(args, page->cursor[0] != '\0' ? page->cursor : NULL);
	wb_pg_arg_i64(args, page->limit + 1);
}

void
wb_page_print(struct wb_buf *buf, struct wb_page *page,
              const struct wb_pg_result *result, wb_page_item_fn print)
{
	size_t n = wb_pg_rows(result), limit = (size_t)page->limit;
	bool has_more = n > limit;

	if (has_more)
		n = limit;
	wb_buf_adds(buf, "{\"items\":[");
	for (size_t row = 0; row < n; row++) {
		if (row > 0)
			wb_buf_adds(buf, ",");
		print(buf, result, row);
	}
	wb_buf_adds(buf, "],\"next\":");
	page->next[0] = '\0';
	if (has_more) {
		const char *key = wb_pg_text(result, n - 1, 0);

		WB_ASSERT(strlen(key) < sizeof(page->next));
		memcpy(page->next, key, strlen(key) + 1);
		wb_buf_add_json_string(buf, key, strlen(key));
	} else {
		wb_buf_adds(buf, "null");
	}
	wb_buf_adds(buf, "}");
}

void
wb_page_reply(struct wb_http_request *request, const struct wb_page *page,
              const char *filters, const struct wb_buf *body)
{
	if (page->next[0] != '\0') {
		struct wb_buf link = { 0 };

		wb_buf_printf(&link,
		              "<?%slimit=%" PRId64 "&cursor=%s>; rel=\"next\"",
		              filters, page->limit, page->next);
		wb_http_set_header(request, "Link", wb_buf_text(&link));
		wb_buf_fini(&link);
	}
	wb_http_reply_json(request, 200, body->data, body->len);
}
