/* What several verbs need. */
#include "verbs.h"

#include "base/clock.h"
#include "base/mem.h"
#include "list.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- consumers ---- */

static enum wb_err
check_names(const char *names, struct wb_note *note)
{
	while (*names != '\0') {
		size_t bytes = strcspn(names, ",");
		char name[64];
		const struct wb_service_row *row;

		(void)snprintf(name, sizeof name, "%.*s", (int)bytes, names);
		row = wb_service_find(name);
		if (row == NULL || row->queue == NULL)
			return wb_fail(note, WB_ERR_BAD_CONFIG,
			               "--consumer=%s: there is no such "
			               "consumer",
			               name);
		names += bytes + (names[bytes] == ',');
	}
	return WB_OK;
}

enum wb_err
wb_dlq_consumers(const struct wb_filter *filter, struct wb_dlq_consumers *ret,
                 struct wb_note *note)
{
	enum wb_err err = check_names(filter->params->consumer, note);

	*ret = (struct wb_dlq_consumers){ 0 };
	if (err != WB_OK)
		return err;
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (wb_services[i].queue != NULL &&
		    wb_filter_has_consumer(filter, wb_services[i].name))
			ret->list[ret->n++] = wb_services[i].name;
	if (ret->n == 0)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "--group=%.100s: no consumer has such a group",
		               filter->params->group);
	return WB_OK;
}

/* ---- groups ---- */

struct group {
	char *name; /* "inventory/NOT_YET/order.placed.v1" */
	char *consumer, *code, *type, *error, *id;
	size_t n;
	size_t replayed; /* of them, at least once */
	int64_t oldest_us, newest_us;
};

struct wb_groups {
	struct group *list;
	size_t n, cap, n_letters;
	struct wb_buf scratch;
};

void
wb_groups_free(struct wb_groups *groups)
{
	if (groups == NULL)
		return;
	for (size_t i = 0; i < groups->n; i++) {
		free(groups->list[i].name);
		free(groups->list[i].consumer);
		free(groups->list[i].code);
		free(groups->list[i].type);
		free(groups->list[i].error);
		free(groups->list[i].id);
	}
	free(groups->list);
	wb_buf_fini(&groups->scratch);
	free(groups);
}

struct wb_groups *
wb_groups_new(void)
{
	return wb_zalloc(sizeof(struct wb_groups));
}

/* Few groups, many letters of each: the last one that was found comes first. */
static struct group *
find(struct wb_groups *groups, const struct wb_letter *letter)
{
	for (size_t i = groups->n; i > 0; i--) {
		struct group *group = &groups->list[i - 1];

		if (strcmp(group->code, letter->error_code) == 0 &&
		    strcmp(group->type, letter->type) == 0 &&
		    strcmp(group->consumer, letter->consumer) == 0)
			return group;
	}
	return NULL;
}

static struct group *
add(struct wb_groups *groups, const struct wb_letter *letter)
{
	struct group *group;

	if (groups->n == groups->cap) {
		groups->cap = groups->cap == 0 ? 16 : 2 * groups->cap;
		groups->list = wb_realloc(groups->list,
		                          groups->cap * sizeof *groups->list);
	}
	group = &groups->list[groups->n++];
	wb_buf_clear(&groups->scratch);
	wb_letter_group(letter, &groups->scratch);
	*group = (struct group){
		.name = wb_strdup(wb_buf_text(&groups->scratch)),
		.consumer = wb_strdup(letter->consumer),
		.code = wb_strdup(letter->error_code),
		.type = wb_strdup(letter->type),
		.error = wb_strdup(letter->error),
		.id = wb_strdup(letter->id),
	};
	return group;
}

void
wb_groups_add(struct wb_groups *groups, const struct wb_letter *letter)
{
	struct group *group = find(groups, letter);

	if (group == NULL)
		group = add(groups, letter);
	group->n++;
	group->replayed += letter->replays > 0;
	groups->n_letters++;
	if (letter->failed_us == 0)
		return;
	if (group->oldest_us == 0 || letter->failed_us < group->oldest_us)
		group->oldest_us = letter->failed_us;
	if (letter->failed_us > group->newest_us)
		group->newest_us = letter->failed_us;
}

size_t
wb_groups_count(const struct wb_groups *groups)
{
	return groups->n_letters;
}

static int
by_number(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void
print_age(struct wb_list *list, int64_t now_us, int64_t then_us)
{
	if (then_us == 0)
		wb_list_null(list);
	else
		wb_list_age_ms(list, (now_us - then_us) / 1000);
}

void
wb_groups_print(struct wb_groups *groups, struct wb_cli *cli, const char *empty)
{
	static const struct wb_column columns[] = {
		{ .key = "group", .title = "GROUP" },
		{ .key = "consumer" },
		{ .key = "error_code" },
		{ .key = "type" },
		{ .key = "messages", .title = "MESSAGES", .is_right = true },
		{ .key = "oldest_ms", .title = "OLDEST", .is_right = true },
		{ .key = "newest_ms", .title = "NEWEST", .is_right = true },
		{ .key = "replayed", .title = "REPLAYED", .is_right = true },
		{ .key = "id" },
		{ .key = "error", .title = "FOR EXAMPLE" },
	};
	int64_t now_us = wb_wall_us();
	struct wb_list *list;

	if (groups->n > 1)
		qsort(groups->list, groups->n, sizeof *groups->list, by_number);
	list = wb_list_new(cli, "groups", columns, WB_ARRAY_LEN(columns));
	for (size_t i = 0; i < groups->n; i++) {
		const struct group *group = &groups->list[i];

		wb_list_text(list, group->name);
		wb_list_text(list, group->consumer);
		wb_list_text(list, group->code);
		wb_list_text(list, group->type);
		wb_list_i64(list, (int64_t)group->n);
		print_age(list, now_us, group->oldest_us);
		print_age(list, now_us, group->newest_us);
		wb_list_i64(list, (int64_t)group->replayed);
		wb_list_text(list, group->id);
		wb_list_text(list, group->error);
	}
	wb_list_end(list, empty);
}
