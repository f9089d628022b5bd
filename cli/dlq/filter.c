#include "filter.h"

#include "age.h"
#include "base/clock.h"

#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>

/* ---- ages ---- */

/* The moment that is so long ago; 0 for no age. */
static enum wb_err
parse_age(const char *flag, const char *text, int64_t now_us, int64_t *ret_us,
          struct wb_note *note)
{
	int64_t age_us;
	enum wb_err err;

	*ret_us = 0;
	if (text[0] == '\0')
		return WB_OK;
	err = wb_age_parse(flag, text, &age_us, note);
	if (err == WB_OK)
		*ret_us = now_us - age_us;
	return err;
}

enum wb_err
wb_filter_init(struct wb_filter *filter, const struct wb_filter_params *params,
               struct wb_note *note)
{
	int64_t now_us = wb_wall_us();
	struct wb_note why = { "" };
	enum wb_err err;

	*filter = (struct wb_filter){ .params = params };
	err = parse_age("older-than", params->older_than, now_us,
	                &filter->newest_us, note);
	if (err == WB_OK)
		err = parse_age("newer-than", params->newer_than, now_us,
		                &filter->oldest_us, note);
	if (err != WB_OK)
		return err;
	err = wb_where_parse(params->where, &filter->where, &why);
	return err == WB_OK ? WB_OK
	                    : wb_fail(note, err, "--where: %s", why.text);
}

void
wb_filter_fini(struct wb_filter *filter)
{
	wb_where_free(filter->where);
	filter->where = NULL;
}

/* ---- matching ---- */

/* Is text one of the words between the commas? */
static bool
is_listed(const char *list, const char *text)
{
	size_t bytes = strlen(text);

	while (*list != '\0') {
		size_t word = strcspn(list, ",");

		if (word == bytes && memcmp(list, text, bytes) == 0)
			return true;
		list += word + (list[word] == ',');
	}
	return false;
}

static bool
allows(const char *list, const char *text)
{
	return list[0] == '\0' || is_listed(list, text);
}

bool
wb_filter_is_open(const struct wb_filter *filter)
{
	const struct wb_filter_params *p = filter->params;
	const char *const others[] = { p->group,      p->type,      p->error,
		                       p->order,      p->id,        p->where,
		                       p->older_than, p->newer_than };

	for (size_t i = 0; i < WB_ARRAY_LEN(others); i++)
		if (others[i][0] != '\0')
			return false;
	return filter->one_id == NULL;
}

bool
wb_filter_has_consumer(const struct wb_filter *filter, const char *consumer)
{
	const char *group = filter->params->group;
	size_t bytes = strlen(consumer);

	return allows(filter->params->consumer, consumer) &&
	       (group[0] == '\0' ||
	        (strncmp(group, consumer, bytes) == 0 && group[bytes] == '/'));
}

void
wb_letter_group(const struct wb_letter *letter, struct wb_buf *out)
{
	wb_buf_printf(out, "%s/%s/%s", letter->consumer, letter->error_code,
	              letter->type[0] == '\0' ? "-" : letter->type);
}

static bool
group_matches(const struct wb_filter *filter, const struct wb_letter *letter)
{
	struct wb_buf group = { 0 };
	bool is_same;

	if (filter->params->group[0] == '\0')
		return true;
	wb_letter_group(letter, &group);
	is_same = strcmp(wb_buf_text(&group), filter->params->group) == 0;
	wb_buf_fini(&group);
	return is_same;
}

static bool
order_matches(const struct wb_filter *filter, const struct wb_letter *letter)
{
	struct wb_arena *arena;
	bool is_listed_order;

	if (filter->params->order[0] == '\0')
		return true;
	arena = wb_arena_new();
	is_listed_order =
	    is_listed(filter->params->order, wb_letter_order(letter, arena));
	wb_arena_free(arena);
	return is_listed_order;
}

static bool
where_matches(const struct wb_filter *filter, const struct wb_letter *letter)
{
	struct json_object *json;
	bool does_match;

	if (filter->where == NULL)
		return true;
	json = wb_letter_json(letter);
	does_match = wb_where_matches(filter->where, json);
	(void)json_object_put(json);
	return does_match;
}

/* What costs most comes last. A letter without a time has no age. */
bool
wb_filter_matches(const struct wb_filter *filter,
                  const struct wb_letter *letter)
{
	const struct wb_filter_params *p = filter->params;

	if (filter->one_id != NULL && strcmp(filter->one_id, letter->id) != 0)
		return false;
	if (filter->newest_us != 0 &&
	    (letter->failed_us == 0 || letter->failed_us > filter->newest_us))
		return false;
	if (filter->oldest_us != 0 && letter->failed_us < filter->oldest_us)
		return false;
	return allows(p->consumer, letter->consumer) &&
	       allows(p->type, letter->type) &&
	       allows(p->error, letter->error_code) &&
	       allows(p->id, letter->id) && group_matches(filter, letter) &&
	       order_matches(filter, letter) && where_matches(filter, letter);
}

void
wb_filter_print(const struct wb_filter *filter, struct wb_buf *out)
{
	const struct wb_filter_params *p = filter->params;
	const struct {
		const char *name, *value;
	} parts[] = {
		{ "group", p->group },
		{ "type", p->type },
		{ "error", p->error },
		{ "order", p->order },
		{ "id", filter->one_id != NULL ? filter->one_id : p->id },
		{ "older-than", p->older_than },
		{ "newer-than", p->newer_than },
		{ "where", p->where },
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(parts); i++)
		if (parts[i].value[0] != '\0')
			wb_buf_printf(out, "%s%s=%s", out->len == 0 ? "" : " ",
			              parts[i].name, parts[i].value);
	if (out->len == 0)
		wb_buf_adds(out, "everything");
}
