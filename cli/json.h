/* Writes JSON as it comes: no tree, bounded memory. Commas, quotes and escapes
 * are its own business. In an object each call names the member; in an array
 * name is NULL. */
#ifndef WB_CLI_JSON_H
#define WB_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum { WB_JSON_MAX_OPEN = 16 };

struct wb_json {
	struct wb_buf text;
	FILE *file; /* where text goes when it is long; NULL: kept */
	size_t depth;
	char ends[WB_JSON_MAX_OPEN]; /* '}' or ']' */
	bool has_member[WB_JSON_MAX_OPEN + 1];
};

/* Zeroed, it keeps its text. */
void wb_json_init(struct wb_json *json, FILE *file);
void wb_json_fini(struct wb_json *json); /* does not write */

void wb_json_object(struct wb_json *json, const char *name); /* opens one */
void wb_json_array(struct wb_json *json, const char *name);
void wb_json_close(struct wb_json *json); /* what was opened last */

void wb_json_text(struct wb_json *json, const char *name,
                  const char *text); /* NULL is null */
void wb_json_i64(struct wb_json *json, const char *name, int64_t value);
void wb_json_double(struct wb_json *json, const char *name, double value);
void wb_json_bool(struct wb_json *json, const char *name, bool value);
void wb_json_null(struct wb_json *json, const char *name);
/* text is JSON already (a json column of Postgres). */
void wb_json_raw(struct wb_json *json, const char *name, const char *text);

/* Ends the line, and hands everything to the file. Between two documents of
 * JSON lines too. */
void wb_json_end_line(struct wb_json *json);

#endif
