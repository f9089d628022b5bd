/* `waybill dlq peek`: the letters themselves, a line each. */
#include "verbs.h"

#include "base/clock.h"
#include "list.h"
#include "look.h"

#include <stdio.h>

struct peeking {
	const struct wb_filter *filter;
	struct wb_list *list;
	struct wb_arena *arena;
	size_t n, limit;
	int64_t now_us;
};

static void
print_letter(struct peeking *peeking, const struct wb_letter *letter)
{
	struct wb_list *list = peeking->list;

	wb_list_text(list, letter->id);
	wb_list_text(list, letter->consumer);
	wb_list_text(list, letter->type);
	wb_list_text(list, letter->error_code);
	wb_list_i64(list, letter->attempts);
	if (letter->failed_us == 0)
		wb_list_null(list);
	else
		wb_list_age_ms(list,
		               (peeking->now_us - letter->failed_us) / 1000);
	wb_list_i64(list, letter->replays);
	wb_list_text(list, wb_letter_order(letter, peeking->arena));
	wb_list_i64(list, (int64_t)letter->body_bytes);
	wb_list_text(list, letter->error);
	wb_arena_reset(peeking->arena);
}

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct peeking *peeking = arg;

	if (!wb_filter_matches(peeking->filter, letter))
		return;
	if (peeking->n++ < peeking->limit)
		print_letter(peeking, letter);
}

static enum wb_err
read_all(struct wb_cli *cli, struct peeking *peeking,
         const struct wb_dlq_consumers *consumers, struct wb_note *note)
{
	struct wb_look *look = NULL;
	struct wb_look_counts counts;
	enum wb_err err = wb_look_open(cli, &look, note);

	for (size_t i = 0; err == WB_OK && i < consumers->n; i++)
		err = wb_look_read(look, consumers->list[i], on_letter, peeking,
		                   &counts, note);
	wb_look_close(look);
	return err;
}

int
wb_dlq_peek(struct wb_cli *cli, const void *params)
{
	static const struct wb_column columns[] = {
		{ .key = "id", .title = "ID" },
		{ .key = "consumer", .title = "CONSUMER" },
		{ .key = "type", .title = "TYPE" },
		{ .key = "error_code", .title = "ERROR" },
		{ .key = "attempts", .title = "ATTEMPTS", .is_right = true },
		{ .key = "failed_ms", .title = "FAILED", .is_right = true },
		{ .key = "replays", .title = "REPLAYS", .is_right = true },
		{ .key = "order", .title = "ORDER" },
		{ .key = "bytes" },
		{ .key = "error", .title = "REASON" },
	};
	const struct wb_dlq_look_params *p = params;
	struct wb_dlq_consumers consumers;
	struct wb_filter filter;
	struct peeking peeking = {
		.filter = &filter,
		.limit = (size_t)p->limit,
		.now_us = wb_wall_us(),
		.arena = wb_arena_new(),
	};
	struct wb_note note = { "" };
	enum wb_err err = wb_filter_init(&filter, &p->filter, &note);

	if (err == WB_OK)
		err = wb_dlq_consumers(&filter, &consumers, &note);
	if (err == WB_OK) {
		peeking.list =
		    wb_list_new(cli, "letters", columns, WB_ARRAY_LEN(columns));
		err = read_all(cli, &peeking, &consumers, &note);
		wb_list_end(peeking.list,
		            err == WB_OK ? "No dead letter matches." : NULL);
	}
	if (err == WB_OK && cli->is_json)
		wb_json_i64(wb_cli_json(cli), "matching", (int64_t)peeking.n);
	else if (err == WB_OK && peeking.n > peeking.limit)
		printf("\n%zu of %zu; --limit shows more.\n", peeking.limit,
		       peeking.n);
	wb_arena_free(peeking.arena);
	wb_filter_fini(&filter);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
