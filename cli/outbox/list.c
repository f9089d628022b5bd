/* `waybill outbox list`: how much waits in each outbox, how long already, and
 * who may be the cause. */
#include "verbs.h"

#include "list.h"
#include "overview.h"

#include "base/attr.h"

#include <stdio.h>
#include <string.h>

/* Below, a transaction is nothing to look at. */
#define SHOWN_OPEN_MS 1000

static const struct wb_column columns[] = {
	{ .key = "outbox", .title = "OUTBOX" },
	{ .key = "events", .title = "EVENTS", .is_right = true },
	{ .key = "oldest_ms", .title = "OLDEST", .is_right = true },
	{ .key = "held", .title = "HELD", .is_right = true },
	{ .key = "due", .title = "DUE", .is_right = true },
	{ .key = "scheduled", .title = "SCHEDULED", .is_right = true },
	{ .key = "parked", .title = "PARKED", .is_right = true },
	{ .key = "transaction_ms", .title = "OPEN", .is_right = true },
	{ .key = "transaction_pid", .title = "PID", .is_right = true },
	{ .key = "transaction_by", .title = "BY" },
	{ .key = "transaction_state" },
	{ .key = "error" },
};

static void
add_number(struct wb_list *list, int64_t value, bool is_bad)
{
	if (is_bad && value > 0)
		wb_list_style(list, WB_STYLE_WARN);
	if (value < 0)
		wb_list_null(list);
	else
		wb_list_i64(list, value);
}

static void
add_age(struct wb_list *list, int64_t age_ms)
{
	if (age_ms < 0)
		wb_list_null(list);
	else
		wb_list_age_ms(list, age_ms);
}

static void
add_transaction(struct wb_list *list, const struct wb_outbox_overview *o)
{
	bool is_shown = o->numbers[WB_OUTBOX_OPEN_MS] >= SHOWN_OPEN_MS;

	add_age(list, is_shown ? o->numbers[WB_OUTBOX_OPEN_MS] : -1);
	add_number(list, is_shown ? o->numbers[WB_OUTBOX_OPEN_PID] : -1, false);
	wb_list_text(list, is_shown ? o->open_by : NULL);
	wb_list_text(list, is_shown ? o->open_state : NULL);
}

static void
add_row(struct wb_list *list, const char *name,
        const struct wb_outbox_overview *o)
{
	wb_list_text(list, name);
	add_number(list, o->numbers[WB_OUTBOX_EVENTS], false);
	add_age(list, o->numbers[WB_OUTBOX_OLDEST_MS]);
	add_number(list, o->numbers[WB_OUTBOX_HELD], true);
	add_number(list, o->numbers[WB_OUTBOX_DUE], false);
	add_number(list, o->numbers[WB_OUTBOX_SCHEDULED], false);
	add_number(list, o->numbers[WB_OUTBOX_PARKED], true);
	add_transaction(list, o);
	wb_list_null(list);
}

static void
add_broken_row(struct wb_list *list, const char *name, const char *why)
{
	wb_list_text(list, name);
	for (size_t i = 2; i < WB_ARRAY_LEN(columns); i++)
		wb_list_null(list);
	wb_list_text(list, why);
}

/* A table that is not there is what whoever forgot to install it meets. */
static int
read_one(struct wb_cli *cli, struct wb_list *list, struct wb_rows *rows,
         const char *name, bool *sees_all)
{
	struct wb_outbox_overview overview = { .sees_all = true };
	struct wb_note note = { "" };
	enum wb_err err;

	while (wb_rows_next(rows))
		wb_outbox_overview_from_rows(&overview, rows);
	err = wb_rows_end(rows, &note);
	if (err != WB_OK) {
		add_broken_row(list, name, note.text);
		return wb_cli_fail(cli, err, &note);
	}
	add_row(list, name, &overview);
	*sees_all = *sees_all && overview.sees_all;
	return WB_CLI_DONE;
}

static void
begin(struct wb_db *db, struct wb_rows **ret_rows)
{
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_i64(args, INT64_MAX);
	*ret_rows = wb_db_query(db, &wb_outbox_overview_stmt, args);
}

int
wb_outbox_list(struct wb_cli *cli, const void *params)
{
	struct wb_outboxes outboxes = { 0 };
	struct wb_rows *rows[WB_ARRAY_LEN(outboxes.dbs.list)];
	struct wb_note note = { "" };
	struct wb_list *list;
	bool sees_all = true;
	int status = WB_CLI_DONE;
	enum wb_err err = wb_outboxes_open(cli, &outboxes, &note);

	(void)params;
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	list = wb_list_new(cli, "outboxes", columns, WB_ARRAY_LEN(columns));
	for (size_t i = 0; i < outboxes.dbs.n; i++)
		begin(outboxes.dbs.list[i], &rows[i]);
	for (size_t i = 0; i < outboxes.dbs.n; i++)
		if (read_one(cli, list, rows[i],
		             wb_db_service(outboxes.dbs.list[i]),
		             &sees_all) != WB_CLI_DONE)
			status = WB_CLI_FAILED;
	wb_list_end(list, NULL);
	if (!sees_all)
		wb_cli_complain(cli, "transactions of other roles are not seen "
		                     "without the role pg_read_all_stats");
	wb_outboxes_close(&outboxes);
	return status;
}
