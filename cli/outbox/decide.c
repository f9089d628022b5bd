/* `waybill outbox retry` and `discard`: what becomes of parked rows. The SQL
 * functions of the outbox do it, a row and a transaction at a time: while an
 * event is discarded its lane stands still. */
#include "verbs.h"

#include "base/attr.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
	struct wb_db *db;
	struct wb_parked_id id;
};

struct decision {
	struct wb_cli *cli;
	const struct wb_outbox_params *params;
	const struct wb_pg_stmt *stmt;
	const char *done_word; /* of one that is done */
	char *why;             /* discard: for those who ask later */
	struct wb_outboxes outboxes;
	/* The selection, made before the first is touched: what is parked
	 * meanwhile is not meant. */
	struct item *items;
	size_t n, cap;
	size_t n_done;
};

static const struct wb_pg_stmt retry_stmt = {
	"outbox_retry",
	"SELECT outbox_retry($1, $2::bigint)",
};

static const struct wb_pg_stmt discard_stmt = {
	"outbox_discard",
	"SELECT outbox_discard($1, $2::bigint, $3)",
};

/* ---- the selection ---- */

static void
add_item(struct decision *decision, struct wb_db *db,
         const struct wb_parked_id *id)
{
	if (decision->n == decision->cap) {
		decision->cap = decision->cap == 0 ? 64 : decision->cap * 2;
		decision->items = wb_realloc(
		    decision->items, decision->cap * sizeof(*decision->items));
	}
	decision->items[decision->n++] = (struct item){ db, *id };
}

static enum wb_err
select_parked(struct decision *decision, struct wb_db *db, struct wb_note *note)
{
	struct wb_rows *rows = wb_parked_read(db, decision->params->type, 0);
	struct wb_parked_id id = { 0 };

	(void)snprintf(id.database, sizeof(id.database), "%.63s",
	               wb_db_service(db));
	while (wb_rows_next(rows)) {
		id.is_delivery = strcmp(wb_rows_text(rows, 0), "delivery") == 0;
		id.number = wb_rows_i64(rows, 1);
		add_item(decision, db, &id);
	}
	return wb_rows_end(rows, note);
}

static enum wb_err
select_all(struct decision *decision, struct wb_note *note)
{
	struct wb_outboxes *outboxes = &decision->outboxes;
	enum wb_err err = wb_outboxes_open(decision->cli, outboxes, note);

	for (size_t i = 0; i < outboxes->dbs.n && err == WB_OK; i++)
		err = select_parked(decision, outboxes->dbs.list[i], note);
	return err;
}

/* The database of an ID, opened once. */
static enum wb_err
open_of(struct decision *decision, struct wb_parked_id *id,
        struct wb_db **ret_db, struct wb_note *note)
{
	struct wb_dbs *dbs = &decision->outboxes.dbs;
	enum wb_err err;

	for (size_t i = 0; i < dbs->n; i++)
		if (strcmp(wb_db_service(dbs->list[i]), id->database) == 0) {
			*ret_db = dbs->list[i];
			return WB_OK;
		}
	if (dbs->n == WB_ARRAY_LEN(dbs->list))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "too many databases at once: %zu at most",
		               WB_ARRAY_LEN(dbs->list));
	err = wb_db_open(decision->cli, id->database, ret_db, note);
	if (err == WB_OK)
		dbs->list[dbs->n++] = *ret_db;
	return err;
}

/* Items stay where they are from here on: their names are those of their
 * databases. */
static enum wb_err
select_named(struct decision *decision, struct wb_note *note)
{
	size_t n = decision->cli->n_args;
	enum wb_err err = WB_OK;

	decision->items = wb_zalloc(n * sizeof(*decision->items));
	decision->cap = n;
	for (size_t i = 0; i < n && err == WB_OK; i++) {
		struct item *item = &decision->items[i];

		err =
		    wb_parked_id_parse(decision->cli->args[i], &item->id, note);
		if (err == WB_OK)
			err = open_of(decision, &item->id, &item->db, note);
		if (err == WB_OK)
			decision->n++;
	}
	return err;
}

static enum wb_err
select_items(struct decision *decision, struct wb_note *note)
{
	const struct wb_outbox_params *params = decision->params;

	if (params->is_all || params->type[0] != '\0')
		return select_all(decision, note);
	if (decision->cli->n_args == 0)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "which ones? IDs, --type or --all");
	return select_named(decision, note);
}

/* ---- doing it ---- */

static enum wb_err
decide(struct decision *decision, const struct item *item, bool *ret_done,
       struct wb_note *note)
{
	struct wb_pg_args *args = wb_pg_args_new();
	struct wb_rows *rows;

	wb_pg_arg_text(args, wb_parked_id_kind(&item->id));
	wb_pg_arg_i64(args, item->id.number);
	if (decision->why != NULL)
		wb_pg_arg_text(args, decision->why);
	rows = wb_db_query(item->db, decision->stmt, args);
	*ret_done = wb_rows_next(rows) && wb_rows_bool(rows, 0);
	return wb_rows_end(rows, note);
}

static void
tell(struct decision *decision, const char *id, bool is_done)
{
	struct wb_json *json;

	if (!is_done)
		wb_cli_complain(decision->cli,
		                "%s: there is no such parked row", id);
	if (!decision->cli->is_json)
		return;
	json = wb_cli_json(decision->cli);
	wb_json_object(json, NULL);
	wb_json_text(json, "id", id);
	wb_json_bool(json, decision->done_word, is_done);
	wb_json_close(json);
}

static enum wb_err
decide_all(struct decision *decision, struct wb_note *note)
{
	struct wb_buf id = { 0 };
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < decision->n && err == WB_OK; i++) {
		const struct item *item = &decision->items[i];
		bool is_done = false;

		err = decide(decision, item, &is_done, note);
		if (err != WB_OK)
			break;
		wb_buf_clear(&id);
		wb_buf_printf(&id, "%s:%s:%lld", item->id.database,
		              wb_parked_id_kind(&item->id),
		              (long long)item->id.number);
		tell(decision, wb_buf_text(&id), is_done);
		if (is_done)
			decision->n_done++;
	}
	wb_buf_fini(&id);
	return err;
}

static int
run(struct decision *decision)
{
	struct wb_cli *cli = decision->cli;
	struct wb_note note = { "" };
	int status = WB_CLI_DONE;
	enum wb_err err = select_items(decision, &note);

	if (err == WB_OK) {
		if (cli->is_json)
			wb_json_array(wb_cli_json(cli), "rows");
		err = decide_all(decision, &note);
		if (cli->is_json)
			wb_json_close(wb_cli_json(cli));
		else
			printf("%zu of %zu %s.\n", decision->n_done,
			       decision->n, decision->done_word);
	}
	if (err != WB_OK)
		status = wb_cli_fail(cli, err, &note);
	else if (decision->n_done < decision->n)
		status = WB_CLI_FAILED;
	wb_outboxes_close(&decision->outboxes);
	free(decision->items);
	return status;
}

int
wb_outbox_retry(struct wb_cli *cli, const void *params)
{
	struct decision decision = {
		.cli = cli,
		.params = params,
		.stmt = &retry_stmt,
		.done_word = "retried",
	};

	return run(&decision);
}

int
wb_outbox_discard(struct wb_cli *cli, const void *params)
{
	const struct wb_outbox_params *p = params;
	struct wb_buf who = { 0 }, why = { 0 };
	struct decision decision = {
		.cli = cli,
		.params = params,
		.stmt = &discard_stmt,
		.done_word = "discarded",
	};
	int status;

	if (p->reason[0] == '\0') {
		wb_cli_complain(cli, "needs --reason");
		return WB_CLI_USAGE;
	}
	wb_buf_printf(&why, "%s (by %s)", p->reason, wb_cli_who(p->who, &who));
	decision.why = why.data;
	status = run(&decision);
	wb_buf_fini(&who);
	wb_buf_fini(&why);
	return status;
}
