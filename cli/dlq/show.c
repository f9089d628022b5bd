/* `waybill dlq show`: one letter as a whole, and what has been tried with it.
 */
#include "verbs.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "db.h"
#include "find.h"
#include "layout.h"
#include "list.h"
#include "trace/load.h"
#include "trace/tell_json.h"
#include "trace/timeline.h"

#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the message ---- */

/* A message may hold anything: what would drive the terminal is shown as bytes.
 */
static void
add_printable(struct wb_buf *out, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes;) {
		size_t n = wb_utf8_char(text + i, bytes - i);
		unsigned char c = (unsigned char)text[i];

		if (n == 0 || (c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			wb_buf_printf(out, "\\x%02x", (unsigned)c);
		else
			wb_buf_add(out, text + i, n);
		i += n == 0 ? 1 : n;
	}
}

static void
print_line(const struct wb_cli *cli, const char *name, const char *value)
{
	struct wb_buf text = { 0 };

	if (value == NULL || value[0] == '\0')
		return;
	add_printable(&text, value, strlen(value));
	printf("%s%-24s%s %s\n", wb_style(cli, WB_STYLE_DIM), name,
	       wb_style(cli, WB_STYLE_NONE), wb_buf_text(&text));
	wb_buf_fini(&text);
}

static void
print_body(const struct wb_letter *letter)
{
	struct json_object *json = wb_letter_json(letter);
	struct wb_buf text = { 0 }, lines = { 0 };

	if (json != NULL)
		wb_layout_lines(letter->body, letter->body_bytes, &lines);
	else
		wb_buf_add(&lines, letter->body, letter->body_bytes);
	add_printable(&text, wb_buf_text(&lines), lines.len);
	(void)fputs(wb_buf_text(&text), stdout);
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		puts("");
	wb_buf_fini(&text);
	wb_buf_fini(&lines);
	(void)json_object_put(json);
}

static void
print_letter(const struct wb_cli *cli, const struct wb_letter *letter)
{
	struct wb_arena *arena = wb_arena_new();

	print_line(cli, "id", letter->id);
	print_line(cli, "consumer", letter->consumer);
	print_line(cli, "type", letter->type);
	print_line(cli, "order", wb_letter_order(letter, arena));
	print_line(cli, "error", letter->error_code);
	print_line(cli, "reason", letter->error);
	print_line(cli, "content type", letter->props.content_type);
	print_line(cli, "app id", letter->props.app_id);
	puts("\nHeaders");
	for (size_t i = 0; i < letter->props.n_headers; i++) {
		const char *name = letter->props.headers[i].name;

		print_line(cli, name, wb_letter_header(letter, name, arena));
	}
	printf("\nBody, %zu bytes\n", letter->body_bytes);
	print_body(letter);
	wb_arena_free(arena);
}

static void
print_letter_json(struct wb_cli *cli, const struct wb_letter *letter)
{
	struct wb_buf line = { 0 };

	wb_letter_print(letter, &line);
	wb_json_raw(wb_cli_json(cli), "letter", wb_buf_text(&line));
	wb_buf_fini(&line);
}

/* ---- what has been tried ---- */

/* Each failure left a row for the relay; each replay one in the journal. */
static const struct wb_pg_stmt select_history = {
	.name = "dlq_history",
	.sql =
	    "SELECT to_char(at AT TIME ZONE 'UTC',"
	    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), what, reason FROM ("
	    " SELECT created_at AS at, CASE WHEN queue = consumer THEN"
	    " format('attempt %s failed, to be tried again', attempt - 1) ELSE"
	    " format('attempt %s failed, dead-lettered', attempt - 1) END ||"
	    " CASE WHEN replay <> '' THEN ' (replay ' || replay || ')' ELSE ''"
	    " END AS what, concat_ws(': ', headers->>'waybill-error-code',"
	    " headers->>'waybill-error') AS reason"
	    " FROM outbox_deliveries WHERE consumer = $1 AND event_id = $2"
	    " UNION ALL SELECT coalesce(i.sent_at, j.created_at),"
	    " format('%s by %s: %s', j.kind, j.who, CASE WHEN i.sent_at IS NULL"
	    " THEN 'not sent' ELSE coalesce(i.outcome, 'no verdict yet') END),"
	    " concat_ws('; ', j.job, nullif(j.why, '')) FROM dlq_items i"
	    " JOIN dlq_jobs j USING (job)"
	    " WHERE j.consumer = $1 AND i.event_id = $2"
	    " UNION ALL SELECT handled_at, 'handled', 'by the inbox'"
	    " FROM inbox WHERE consumer = $1 AND event_id = $2) h ORDER BY at",
};

static enum wb_err
print_history(struct wb_cli *cli, const struct wb_letter *letter,
              struct wb_note *note)
{
	static const struct wb_column columns[] = {
		{ .key = "at", .title = "AT" },
		{ .key = "what", .title = "WHAT" },
		{ .key = "reason", .title = "REASON" },
	};
	struct wb_uuid event_id;
	struct wb_pg_args *args;
	struct wb_list *list;
	struct wb_rows *rows;
	struct wb_db *db = NULL;
	enum wb_err err;

	if (!wb_letter_event_id(letter, &event_id))
		return WB_OK;
	err = wb_db_open(cli, letter->consumer, &db, note);
	if (err != WB_OK)
		return err;
	args = wb_pg_args_new();
	wb_pg_arg_text(args, letter->consumer);
	wb_pg_arg_uuid(args, &event_id);
	list = wb_list_new(cli, "history", columns, WB_ARRAY_LEN(columns));
	rows = wb_db_query(db, &select_history, args);
	while (wb_rows_next(rows))
		for (size_t i = 0; i < WB_ARRAY_LEN(columns); i++)
			wb_list_text(list, wb_rows_text(rows, i));
	err = wb_rows_end(rows, note);
	if (!cli->is_json)
		puts("\nHistory");
	wb_list_end(list, "Nothing is known any more.");
	wb_db_close(db);
	return err;
}

/* ---- its order ---- */

static void
print_story(struct wb_cli *cli, const struct wb_story *story)
{
	struct wb_buf text = { 0 };

	if (cli->is_json) {
		wb_json_object(wb_cli_json(cli), "trace");
		wb_trace_json(wb_cli_json(cli), story);
		wb_json_close(wb_cli_json(cli));
		return;
	}
	wb_timeline_print(cli, story, true, &text);
	printf("\n%s", wb_buf_text(&text));
	wb_buf_fini(&text);
}

/* The trace beside it, by the databases alone: the letter itself is there. An
 * order that nobody knows has none. */
static enum wb_err
print_order(struct wb_cli *cli, const struct wb_letter *letter,
            struct wb_note *note)
{
	struct wb_arena *arena = wb_arena_new();
	struct wb_stories stories = { 0 };
	bool is_told = false;
	struct wb_uuid id;
	enum wb_err err = WB_OK;

	if (wb_uuid_parse(wb_letter_order(letter, arena), &id)) {
		err = wb_stories_load(cli, &id, 1, 0, &stories, note);
		is_told = err == WB_OK && wb_story_is_known(&stories.list[0]);
		if (is_told)
			print_story(cli, &stories.list[0]);
		wb_stories_fini(&stories);
	}
	if (!is_told && cli->is_json)
		wb_json_null(wb_cli_json(cli), "trace");
	wb_arena_free(arena);
	return err;
}

static void
print_hints(const struct wb_letter *letter)
{
	struct wb_arena *arena = wb_arena_new();
	const char *order = wb_letter_order(letter, arena);

	puts("");
	if (order[0] != '\0')
		printf("Its order:   waybill trace %s\n", order);
	printf("Send it:     waybill dlq replay --consumer=%s %s\n"
	       "Correct it:  waybill dlq edit --consumer=%s %s\n",
	       letter->consumer, letter->id, letter->consumer, letter->id);
	wb_arena_free(arena);
}

int
wb_dlq_show(struct wb_cli *cli, const void *params)
{
	const struct wb_dlq_look_params *p = params;
	struct wb_letter *letter = NULL;
	struct wb_filter filter;
	struct wb_note note = { "" };
	enum wb_err err = wb_filter_init(&filter, &p->filter, &note);

	filter.one_id = cli->args[0];
	if (err == WB_OK)
		err = wb_dlq_find(cli, &filter, &letter, &note);
	if (err == WB_OK) {
		if (cli->is_json)
			print_letter_json(cli, letter);
		else
			print_letter(cli, letter);
		err = print_history(cli, letter, &note);
	}
	if (err == WB_OK)
		err = print_order(cli, letter, &note);
	if (err == WB_OK && !cli->is_json)
		print_hints(letter);
	free(letter);
	wb_filter_fini(&filter);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
