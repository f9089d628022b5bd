/* `waybill orders`: the orders that have not ended. */
#include "commands.h"

#include "age.h"
#include "base/attr.h"
#include "base/mem.h"
#include "db.h"
#include "list.h"
#include "trace/expect.h"
#include "trace/load.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* A cursor is where the next page begins: behind this order, in the order of
 * their deadlines. */
struct cursor {
	int64_t deadline_us;
	struct wb_uuid order_id;
};

struct page {
	int64_t older_us, limit;
	struct cursor
	    cursor; /* where it begins; read, where the next one does */
	struct wb_uuid *ids; /* room for limit */
	size_t n;
};

struct params {
	char *older_than, *after;
	int64_t limit;
};

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param stuck_params[] = {
	{ .name = "older-than",
	  .type = WB_PARAM_TEXT,
	  FIELD(older_than),
	  .def = "1m",
	  .min = 1,
	  .max = 32,
	  .unit = "",
	  .help = "placed longer ago than: 90s, 15m, 2h, 7d" },
	{ .name = "limit",
	  .type = WB_PARAM_INT,
	  FIELD(limit),
	  .def = "50",
	  .min = 1,
	  .max = 1000,
	  .unit = "orders",
	  .help = "how many are shown" },
	{ .name = "after",
	  .type = WB_PARAM_TEXT,
	  FIELD(after),
	  .def = "",
	  .max = 80,
	  .unit = "",
	  .help = "the next page: what the one before it ends with" },
};

/* ---- a page of orders ---- */

static enum wb_err
parse_cursor(const char *text, struct cursor *ret, struct wb_note *note)
{
	char *end;

	*ret = (struct cursor){ .deadline_us = INT64_MIN };
	if (text[0] == '\0')
		return WB_OK;
	ret->deadline_us = strtoll(text, &end, 10);
	if (end != text && *end == '/' &&
	    wb_uuid_parse(end + 1, &ret->order_id))
		return WB_OK;
	return wb_fail(note, WB_ERR_BAD_CONFIG,
	               "--after=%s: must be what a page has ended with", text);
}

/* The index on deadlines holds pending orders only, and is read from the cursor
 * on for as long as the page takes. Deadlines are only ever put off, so no
 * order is missed. */
static const struct wb_pg_stmt page_stmt = {
	.name = "orders_stuck",
	.sql = "SELECT order_id, "
	       "(extract(epoch FROM deadline_at) * 1000000)::bigint "
	       "FROM orders WHERE status = 'PENDING' "
	       "AND (deadline_at, order_id) > (CASE WHEN $1::bigint < 0 "
	       "THEN '-infinity' ELSE timestamptz 'epoch' "
	       "+ $1::bigint * interval '1 microsecond' END, $2::uuid) "
	       "AND placed_at < now() - $3::bigint * interval '1 microsecond' "
	       "ORDER BY deadline_at, order_id LIMIT $4::bigint",
};

static enum wb_err
read_page(struct wb_cli *cli, struct page *page, struct wb_note *note)
{
	struct wb_db *db = NULL;
	struct wb_pg_args *args;
	struct wb_rows *rows;
	enum wb_err err = wb_db_open(cli, "orders", &db, note);

	if (err != WB_OK)
		return err;
	args = wb_pg_args_new();
	wb_pg_arg_i64(args, page->cursor.deadline_us);
	wb_pg_arg_uuid(args, &page->cursor.order_id);
	wb_pg_arg_i64(args, page->older_us);
	wb_pg_arg_i64(args, page->limit);
	rows = wb_db_query(db, &page_stmt, args);
	while (wb_rows_next(rows)) {
		page->cursor.order_id = wb_rows_uuid(rows, 0);
		page->cursor.deadline_us = wb_rows_i64(rows, 1);
		page->ids[page->n++] = page->cursor.order_id;
	}
	err = wb_rows_end(rows, note);
	wb_db_close(db);
	return err;
}

/* ---- what each waits for ---- */

static void
print_when(struct wb_list *list, int64_t us)
{
	if (us == 0)
		wb_list_null(list);
	else
		wb_list_age_ms(list, us / 1000);
}

/* One that has ended meanwhile is not stuck. */
static void
print_order(struct wb_list *list, const struct wb_story *story)
{
	struct wb_expectation *expected;
	size_t n = wb_story_expect(story, &expected);

	if (wb_story_is_ended(story) || n == 0)
		return;
	wb_list_text(list, story->id_text);
	wb_list_age_ms(list, (story->asked_us - story->placed_us) / 1000);
	wb_list_text(list, wb_expect_kind_name(expected[0].kind));
	wb_list_text(list, expected[0].who);
	print_when(list, expected[0].since_us != 0
	                     ? story->asked_us - expected[0].since_us
	                     : 0);
	print_when(list, expected[0].due_us != 0
	                     ? expected[0].due_us - story->asked_us
	                     : 0);
	wb_list_bool(list, story->cancel_requested_us != 0);
	wb_list_style(list, wb_expect_needs_hand(&expected[0]) ? WB_STYLE_BAD
	                                                       : WB_STYLE_NONE);
	wb_list_text(list, expected[0].what);
}

/* Where the next page begins, if this one is full. */
static void
print_next(struct wb_cli *cli, const struct page *page)
{
	struct wb_buf text = { 0 };
	char id[WB_UUID_TEXT_BYTES];
	bool is_full = page->n == (size_t)page->limit;

	wb_buf_printf(&text, "%" PRId64 "/%s", page->cursor.deadline_us,
	              wb_uuid_format(&page->cursor.order_id, id));
	if (cli->is_json)
		wb_json_text(wb_cli_json(cli), "next",
		             is_full ? wb_buf_text(&text) : NULL);
	else if (is_full)
		printf("\nThere may be more: --after=%s\n", wb_buf_text(&text));
	wb_buf_fini(&text);
}

static int
print_page(struct wb_cli *cli, const struct wb_stories *stories)
{
	static const struct wb_column columns[] = {
		{ .key = "order_id", .title = "ORDER" },
		{ .key = "age_ms", .title = "AGE", .is_right = true },
		{ .key = "waits_for", .title = "WAITS FOR" },
		{ .key = "who", .title = "WHO" },
		{ .key = "since_ms", .title = "SINCE", .is_right = true },
		{ .key = "due_in_ms", .title = "DUE IN", .is_right = true },
		{ .key = "is_cancel_requested", .title = "CANCELLING" },
		{ .key = "what", .title = "WHAT" },
	};
	struct wb_list *list =
	    wb_list_new(cli, "orders", columns, WB_ARRAY_LEN(columns));
	int status = WB_CLI_DONE;

	for (size_t i = 0; i < stories->n; i++)
		print_order(list, &stories->list[i]);
	wb_list_end(list, "No order is stuck.");
	for (size_t i = 0; stories->n > 0 && i < WB_N_SERVICES; i++) {
		if (stories->list[0].gaps[i].text[0] == '\0')
			continue;
		wb_cli_complain(cli, "%s", stories->list[0].gaps[i].text);
		status = WB_CLI_FAILED;
	}
	return status;
}

static int
stuck(struct wb_cli *cli, const void *params)
{
	const struct params *p = params;
	struct page page = {
		.limit = p->limit,
		.ids = wb_zalloc((size_t)p->limit * sizeof(*page.ids)),
	};
	struct wb_stories stories = { 0 };
	struct wb_note note = { "" };
	int status;
	enum wb_err err =
	    wb_age_parse("older-than", p->older_than, &page.older_us, &note);

	if (err == WB_OK)
		err = parse_cursor(p->after, &page.cursor, &note);
	if (err == WB_OK)
		err = read_page(cli, &page, &note);
	if (err == WB_OK)
		err =
		    wb_stories_load(cli, page.ids, page.n, 0, &stories, &note);
	if (err == WB_OK) {
		status = print_page(cli, &stories);
		print_next(cli, &page);
		wb_stories_fini(&stories);
	} else {
		status = wb_cli_fail(cli, err, &note);
	}
	free(page.ids);
	return status;
}

static const struct wb_verb verbs[] = {
	{ .name = "stuck",
	  .arguments = "",
	  .summary = "show orders that have not ended, and what each waits for",
	  .details =
	      "Those with the nearest deadline first. waybill trace ORDER "
	      "tells more.",
	  .takes = WB_CLI_DATABASES,
	  .params = stuck_params,
	  .n_params = WB_ARRAY_LEN(stuck_params),
	  .params_bytes = sizeof(struct params),
	  .run = stuck },
};

const struct wb_command wb_command_orders = {
	.name = "orders",
	.summary = "orders that have not ended",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
