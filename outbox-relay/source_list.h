/* The text of the parameter sources: name=URI, separated by white space. */
#ifndef RELAY_SOURCE_LIST_H
#define RELAY_SOURCE_LIST_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

enum {
	SOURCE_NAME_MAX = 32,
	SOURCES_MAX = 32,
};

struct source_name {
	char name[SOURCE_NAME_MAX + 1]; /* a-z 0-9 - _ . */
	char *dsn;                      /* postgres:// or postgresql:// */
};

struct source_list {
	struct source_name items[SOURCES_MAX];
	size_t n;
};

/* BAD_CONFIG with a note that names the entry, never its URI (it may hold a
 * password). At least one entry. */
enum wb_err source_list_parse(const char *text, struct wb_note *note,
                              struct source_list *ret_list) WB_MUST_USE;
void source_list_fini(struct source_list *list);

#endif
