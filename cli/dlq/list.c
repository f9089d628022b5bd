/* `waybill dlq list`: how much lies where, and why. */
#include "verbs.h"

#include "base/clock.h"
#include "list.h"
#include "look.h"

#include <stdio.h>

struct queue {
	size_t messages, others, matching;
	int64_t oldest_us;
};

struct listing {
	const struct wb_filter *filter;
	struct wb_groups *groups;
	struct queue *queue; /* the one in hand */
};

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct listing *listing = arg;
	struct queue *queue = listing->queue;

	if (!wb_filter_matches(listing->filter, letter))
		return;
	queue->matching++;
	if (letter->failed_us != 0 &&
	    (queue->oldest_us == 0 || letter->failed_us < queue->oldest_us))
		queue->oldest_us = letter->failed_us;
	wb_groups_add(listing->groups, letter);
}

static void
print_queues(struct wb_cli *cli, const struct wb_dlq_consumers *consumers,
             const struct queue *queues)
{
	static const struct wb_column columns[] = {
		{ .key = "consumer" },
		{ .key = "queue", .title = "QUEUE" },
		{ .key = "messages", .title = "MESSAGES", .is_right = true },
		{ .key = "matching" },
		{ .key = "oldest_ms", .title = "OLDEST", .is_right = true },
		{ .key = "other_readers" },
	};
	struct wb_list *list =
	    wb_list_new(cli, "queues", columns, WB_ARRAY_LEN(columns));
	struct wb_buf name = { 0 };

	for (size_t i = 0; i < consumers->n; i++) {
		wb_buf_clear(&name);
		wb_buf_printf(&name, "%s.dlq", consumers->list[i]);
		wb_list_text(list, consumers->list[i]);
		wb_list_text(list, wb_buf_text(&name));
		if (queues[i].messages > 0)
			wb_list_style(list, WB_STYLE_WARN);
		wb_list_i64(list, (int64_t)queues[i].messages);
		wb_list_i64(list, (int64_t)queues[i].matching);
		if (queues[i].oldest_us == 0)
			wb_list_null(list);
		else
			wb_list_age_ms(
			    list, (wb_wall_us() - queues[i].oldest_us) / 1000);
		wb_list_i64(list, (int64_t)queues[i].others);
	}
	wb_list_end(list, NULL);
	wb_buf_fini(&name);
}

static enum wb_err
read_all(struct wb_cli *cli, struct listing *listing,
         const struct wb_dlq_consumers *consumers, struct queue *queues,
         struct wb_note *note)
{
	struct wb_look *look = NULL;
	enum wb_err err = wb_look_open(cli, &look, note);

	for (size_t i = 0; err == WB_OK && i < consumers->n; i++) {
		struct wb_look_counts counts;

		listing->queue = &queues[i];
		err = wb_look_read(look, consumers->list[i], on_letter, listing,
		                   &counts, note);
		if (err != WB_OK)
			break;
		queues[i].messages = counts.messages;
		queues[i].others = counts.others;
	}
	wb_look_close(look);
	return err;
}

int
wb_dlq_list(struct wb_cli *cli, const void *params)
{
	const struct wb_dlq_look_params *p = params;
	struct wb_dlq_consumers consumers;
	struct queue queues[WB_ARRAY_LEN(consumers.list)] = { { 0 } };
	struct wb_filter filter;
	struct listing listing = { .filter = &filter };
	struct wb_note note = { "" };
	enum wb_err err = wb_filter_init(&filter, &p->filter, &note);

	listing.groups = wb_groups_new();
	if (err == WB_OK)
		err = wb_dlq_consumers(&filter, &consumers, &note);
	if (err == WB_OK)
		err = read_all(cli, &listing, &consumers, queues, &note);
	if (err == WB_OK) {
		print_queues(cli, &consumers, queues);
		if (!cli->is_json)
			puts("");
		wb_groups_print(listing.groups, cli,
		                "There are no dead letters.");
	}
	wb_groups_free(listing.groups);
	wb_filter_fini(&filter);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
