/* The names in the objects of a JSON text that is being scanned: a stack on
 * which the names of an object lie above those of the objects around it. */
#ifndef WB_BASE_JSON_NAMES_H
#define WB_BASE_JSON_NAMES_H

#include <stddef.h>

/* As written, without its quotes. */
struct wb_json_name {
	const char *text, *end;
};

struct wb_json_names {
	struct wb_json_name *list; /* NULL until the first */
	size_t n, cap;
};

void wb_json_names_fini(struct wb_json_names *names);

/* text to end: borrowed, every character of it one that wb_json_take_char
 * takes. */
void wb_json_names_add(struct wb_json_names *names, const char *text,
                       const char *end);

/* The names from `first` on are all of one object, which ends: forgets them.
 * Returns where one is written that was there before, or NULL. "a" and "\u0061"
 * are the same. */
const char *wb_json_names_leave(struct wb_json_names *names, size_t first);

#endif
