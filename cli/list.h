/* Rows of something, in the one form or the other: a table with aligned columns
 * for people, or with --json an array of objects. Columns are said once. */
#ifndef WB_CLI_LIST_H
#define WB_CLI_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "cli.h"

struct wb_list;

struct wb_column {
	const char *key;   /* of the JSON objects: "age_ms" */
	const char *title; /* of the table: "AGE"; NULL: only in JSON */
	bool is_right;     /* aligned; for numbers */
};

/* key: of the array in the document of wb_cli_json. columns must outlive it. A
 * table is held until its end, since only then are widths known; JSON is
 * written at once. */
struct wb_list *wb_list_new(struct wb_cli *cli, const char *key,
                            const struct wb_column *columns, size_t n_columns);

/* The table goes there instead of stdout. */
void wb_list_to(struct wb_list *list, FILE *out);

/* Prints the table, if it has rows (else `empty`, if that is not NULL), and
 * frees the list. */
void wb_list_end(struct wb_list *list, const char *empty);

/* The next cell of the row; a row ends by itself with its last column. */
void wb_list_text(struct wb_list *list, const char *text); /* NULL is null */
void wb_list_i64(struct wb_list *list, int64_t value);
void wb_list_bool(struct wb_list *list, bool value);       /* yes or no */
void wb_list_null(struct wb_list *list);                   /* "-" */
void wb_list_age_ms(struct wb_list *list, int64_t age_ms); /* 3m05s; a number
                                                              in JSON */
/* JSON in JSON; in the table its text. */
void wb_list_raw(struct wb_list *list, const char *json);

/* Colours the cell that comes next. */
void wb_list_style(struct wb_list *list, enum wb_style style);

#endif
