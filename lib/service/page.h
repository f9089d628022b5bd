/* Lists in keyset pages: ?limit= and ?cursor= of a request, and the answer
 * {"items":[…],"next":cursor-or-null}, with the address of the next page as
 * Link too (RFC 8288). A page goes on behind the key of the last item, so it
 * neither skips nor repeats what is there all the while. */
#ifndef WB_SERVICE_PAGE_H
#define WB_SERVICE_PAGE_H

#include "base/buf.h"
#include "http/server.h"
#include "pg/pg.h"

#define WB_PAGE_CURSOR_BYTES 65

struct wb_page {
	int64_t limit;                     /* 1..100, 20 when not given */
	char cursor[WB_PAGE_CURSOR_BYTES]; /* "" = from the beginning */
	char next[WB_PAGE_CURSOR_BYTES];   /* "" = this is the last */
};

/* Whether a cursor could be a key of the list. */
typedef bool (*wb_page_is_key_fn)(const char *cursor);

/* A wb_page_is_key_fn. */
bool wb_page_is_uuid(const char *cursor);

/* False: the request has been answered with 400. */
bool wb_page_read(struct wb_http_request *request, wb_page_is_key_fn is_key,
                  struct wb_page *ret_page) WB_MUST_USE;

/* Adds the parameters of a statement: $n = the cursor's text or NULL, $n+1 =
 * limit + 1 as a bigint. */
void wb_page_bind(const struct wb_page *page, struct wb_pg_args *args);

/* Appends one row as a JSON value. */
typedef void (*wb_page_item_fn)(struct wb_buf *buf,
                                const struct wb_pg_result *result, size_t row);

/* Appends the answer, and keeps the next page's cursor in page. Column 0 of the
 * rows is their key, of letters, digits, '-', '.', '_' and '~' only if there is
 * to be a Link. */
void wb_page_print(struct wb_buf *buf, struct wb_page *page,
                   const struct wb_pg_result *result, wb_page_item_fn print);

/* Answers with a page that was printed. Link is relative to the request's own
 * address: "?limit=20&cursor=…", after the filters of the list. filters: as a
 * query ("status=PENDING&", escaped; "" for none). */
void wb_page_reply(struct wb_http_request *request, const struct wb_page *page,
                   const char *filters, const struct wb_buf *body);

#endif
