#include "list.h"

#include "base/arena.h"
#include "base/mem.h"
#include "term.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	const char *text;
	enum wb_style style;
};

struct wb_list {
	struct wb_cli *cli;
	const struct wb_column *columns;
	size_t n_columns;
	size_t at; /* column of the next cell */
	struct wb_json *json;
	enum wb_style style; /* of the next cell */

	/* of the table */
	struct wb_arena *arena;
	struct cell *cells;
	FILE *out;
	size_t n_cells, cap;
	size_t *widths;
};

struct wb_list *
wb_list_new(struct wb_cli *cli, const char *key,
            const struct wb_column *columns, size_t n_columns)
{
	struct wb_list *list = wb_zalloc(sizeof(*list));

	list->cli = cli;
	list->columns = columns;
	list->n_columns = n_columns;
	if (cli->is_json) {
		list->json = wb_cli_json(cli);
		wb_json_array(list->json, key);
		return list;
	}
	list->out = stdout;
	list->arena = wb_arena_new();
	list->widths = wb_zalloc(n_columns * sizeof(*list->widths));
	for (size_t i = 0; i < n_columns; i++)
		if (columns[i].title != NULL)
			list->widths[i] = wb_term_width(columns[i].title);
	return list;
}

/* ---- cells ---- */

static const char *
next_key(struct wb_list *list)
{
	if (list->at == 0)
		wb_json_object(list->json, NULL);
	return list->columns[list->at].key;
}

static void
end_cell(struct wb_list *list)
{
	list->style = WB_STYLE_NONE;
	if (++list->at < list->n_columns)
		return;
	list->at = 0;
	if (list->json != NULL)
		wb_json_close(list->json);
}

/* A control character would leave the cell, or do worse to a terminal. */
static const char *
keep_text(struct wb_list *list, const char *text)
{
	char *kept = wb_arena_strdup(list->arena, text);

	for (char *at = kept; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	return kept;
}

static void
add_cell(struct wb_list *list, const char *text)
{
	size_t width = wb_term_width(text);

	if (list->n_cells == list->cap) {
		list->cap = list->cap == 0 ? 64 : list->cap * 2;
		list->cells =
		    wb_realloc(list->cells, list->cap * sizeof(*list->cells));
	}
	list->cells[list->n_cells++] = (struct cell){
		.text = keep_text(list, text),
		.style = list->style,
	};
	if (width > list->widths[list->at])
		list->widths[list->at] = width;
}

void
wb_list_text(struct wb_list *list, const char *text)
{
	if (list->json != NULL)
		wb_json_text(list->json, next_key(list), text);
	else
		add_cell(list, text != NULL ? text : "-");
	end_cell(list);
}

void
wb_list_null(struct wb_list *list)
{
	wb_list_text(list, NULL);
}

void
wb_list_i64(struct wb_list *list, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	if (list->json != NULL)
		wb_json_i64(list->json, next_key(list), value);
	else
		add_cell(list, text);
	end_cell(list);
}

void
wb_list_bool(struct wb_list *list, bool value)
{
	if (list->json != NULL)
		wb_json_bool(list->json, next_key(list), value);
	else
		add_cell(list, value ? "yes" : "no");
	end_cell(list);
}

void
wb_list_age_ms(struct wb_list *list, int64_t age_ms)
{
	char text[WB_TERM_AGE_BYTES];

	if (list->json != NULL)
		wb_json_i64(list->json, next_key(list), age_ms);
	else
		add_cell(list, wb_term_age(age_ms, text));
	end_cell(list);
}

void
wb_list_raw(struct wb_list *list, const char *json)
{
	if (list->json != NULL)
		wb_json_raw(list->json, next_key(list), json);
	else
		add_cell(list, json);
	end_cell(list);
}

void
wb_list_style(struct wb_list *list, enum wb_style style)
{
	list->style = style;
}

/* ---- the table ---- */

static bool
is_last_shown(const struct wb_list *list, size_t column)
{
	while (++column < list->n_columns)
		if (list->columns[column].title != NULL)
			return false;
	return true;
}

/* Nothing is padded behind the last column. */
static void
print_cell(const struct wb_list *list, size_t column, const struct cell *cell)
{
	int pad = (int)(list->widths[column] - wb_term_width(cell->text));
	bool is_right = list->columns[column].is_right;
	bool is_styled = cell->style != WB_STYLE_NONE;
	bool is_last = is_last_shown(list, column);

	if (list->columns[column].title == NULL)
		return;
	(void)fprintf(list->out, "%*s%s%s%s%*s%s", is_right ? pad : 0, "",
	              is_styled ? wb_style(list->cli, cell->style) : "",
	              cell->text,
	              is_styled ? wb_style(list->cli, WB_STYLE_NONE) : "",
	              is_right || is_last ? 0 : pad, "", is_last ? "\n" : "  ");
}

static void
print_table(const struct wb_list *list)
{
	for (size_t i = 0; i < list->n_columns; i++) {
		const struct cell title = { list->columns[i].title,
			                    WB_STYLE_BOLD };

		if (title.text != NULL)
			print_cell(list, i, &title);
	}
	for (size_t row = 0; row < list->n_cells; row += list->n_columns)
		for (size_t i = 0; i < list->n_columns; i++)
			print_cell(list, i, &list->cells[row + i]);
}

void
wb_list_to(struct wb_list *list, FILE *out)
{
	list->out = out;
}

void
wb_list_end(struct wb_list *list, const char *empty)
{
	WB_ASSERT(list->at == 0);
	if (list->json != NULL)
		wb_json_close(list->json);
	else if (list->n_cells > 0)
		print_table(list);
	else if (empty != NULL)
		(void)fprintf(list->out, "%s\n", empty);
	wb_arena_free(list->arena);
	free(list->cells);
	free(list->widths);
	free(list);
}
