/* Which databases this relay serves. */
#include "source_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char spaces[] = " \t\r\n";
static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

static bool
is_known(const struct source_list *list, const char *name, size_t bytes)
{
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->items[i].name) == bytes &&
		    memcmp(list->items[i].name, name, bytes) == 0)
			return true;
	return false;
}

static bool
is_uri(const char *text, size_t bytes)
{
	static const char *const schemes[] = { "postgres://", "postgresql://" };

	for (size_t i = 0; i < 2; i++)
		if (bytes > strlen(schemes[i]) &&
		    strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static enum wb_err
add(struct source_list *list, const char *entry, size_t bytes,
    struct wb_note *note)
{
	size_t name_bytes = strspn(entry, name_chars);
	struct source_name *item;

	if (name_bytes == 0 || name_bytes > SOURCE_NAME_MAX ||
	    entry[name_bytes] != '=')
		return wb_fail(
		    note, WB_ERR_BAD_CONFIG,
		    "sources: entry %zu must be name=URI, the name of at most "
		    "%d characters a-z 0-9 - _ .",
		    list->n + 1, SOURCE_NAME_MAX);
	if (is_known(list, entry, name_bytes))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "sources: %.*s is there twice", (int)name_bytes,
		               entry);
	if (!is_uri(entry + name_bytes + 1, bytes - name_bytes - 1))
		return wb_fail(
		    note, WB_ERR_BAD_CONFIG,
		    "sources: %.*s needs a URI: postgres://user@host/database "
		    "(a space in it is %%20)",
		    (int)name_bytes, entry);
	if (list->n == SOURCES_MAX)
		return wb_fail(note, WB_ERR_BAD_CONFIG, "sources: more than %d",
		               SOURCES_MAX);
	item = &list->items[list->n++];
	memcpy(item->name, entry, name_bytes);
	item->name[name_bytes] = '\0';
	item->dsn = wb_zalloc(bytes - name_bytes);
	memcpy(item->dsn, entry + name_bytes + 1, bytes - name_bytes - 1);
	return WB_OK;
}

enum wb_err
source_list_parse(const char *text, struct wb_note *note,
                  struct source_list *ret_list)
{
	struct source_list list = { .n = 0 };
	enum wb_err err = WB_OK;

	text += strspn(text, spaces);
	while (*text != '\0' && err == WB_OK) {
		size_t bytes = strcspn(text, spaces);

		err = add(&list, text, bytes, note);
		text += bytes;
		text += strspn(text, spaces);
	}
	if (err == WB_OK && list.n == 0)
		err = wb_fail(note, WB_ERR_BAD_CONFIG,
		              "sources: none given, e.g. "
		              "orders=postgres://relay@localhost/orders");
	if (err != WB_OK)
		source_list_fini(&list);
	else
		*ret_list = list;
	return err;
}

void
source_list_fini(struct source_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].dsn);
	list->n = 0;
}
