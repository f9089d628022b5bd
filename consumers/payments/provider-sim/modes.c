/* The simulated provider's behaviour: a short list. */
#include "modes.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	char *method;
	struct modes modes;
};

static struct entry *entries;

static const char *const names[] = {
#define X(name, text) [MODE_##name] = (text),
	MODE_TABLE(X)
#undef X
};

enum mode
mode_parse(const char *text)
{
	int mode = 0;

	while (mode < MODE_COUNT && strcmp(names[mode], text) != 0)
		mode++;
	return (enum mode)mode;
}

static struct entry *
find(const char *method)
{
	struct entry *entry = entries;

	while (entry != NULL && strcmp(entry->method, method) != 0)
		entry = entry->next;
	return entry;
}

struct modes
modes_of(const char *method)
{
	const struct entry *entry = find(method);

	if (entry == NULL)
		entry = find("*");
	return entry == NULL ? (struct modes){ MODE_USUAL, MODE_USUAL }
	                     : entry->modes;
}

void
modes_set(const char *method, struct modes modes)
{
	struct entry *entry = find(method);

	if (entry == NULL) {
		entry = wb_zalloc(sizeof(*entry));
		entry->method = wb_strdup(method);
		entry->next = entries;
		entries = entry;
	}
	entry->modes = modes;
}

void
modes_free(void)
{
	while (entries != NULL) {
		struct entry *entry = entries;

		entries = entry->next;
		free(entry->method);
		free(entry);
	}
}

void
modes_print(struct wb_buf *buf)
{
	wb_buf_adds(buf, "{\"items\":[");
	for (const struct entry *e = entries; e != NULL; e = e->next) {
		wb_buf_adds(buf, "{\"payment_method\":");
		wb_buf_add_json_string(buf, e->method, strlen(e->method));
		wb_buf_printf(buf, ",\"charges\":\"%s\",\"refunds\":\"%s\"}%s",
		              names[e->modes.charges], names[e->modes.refunds],
		              e->next == NULL ? "" : ",");
	}
	wb_buf_adds(buf, "]}");
}
