#include "base/json_names.h"

#include "base/json_string.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void
wb_json_names_fini(struct wb_json_names *names)
{
	free(names->list);
	*names = (struct wb_json_names){ .list = NULL };
}

void
wb_json_names_add(struct wb_json_names *names, const char *text,
                  const char *end)
{
	if (names->n == names->cap) {
		names->cap = names->cap == 0 ? FIRST_CAP : 2 * names->cap;
		names->list =
		    wb_realloc(names->list, names->cap * sizeof(*names->list));
	}
	names->list[names->n++] = (struct wb_json_name){ text, end };
}

static struct wb_json_char
take_char(struct wb_json_name *name)
{
	struct wb_json_char taken;
	const char *fault = wb_json_take_char(&name->text, name->end, &taken);

	WB_ASSERT(fault == NULL);
	return taken;
}

/* Takes one character of each. */
static int
compare_char(struct wb_json_name *a, struct wb_json_name *b)
{
	struct wb_json_char in_a, in_b;

	if (wb_json_is_plain(*a->text) && wb_json_is_plain(*b->text))
		return *a->text++ - *b->text++;
	in_a = take_char(a);
	in_b = take_char(b);
	return memcmp(in_a.utf8, in_b.utf8, sizeof(in_a.utf8));
}

static int
compare(const void *left, const void *right)
{
	struct wb_json_name a = *(const struct wb_json_name *)left;
	struct wb_json_name b = *(const struct wb_json_name *)right;

	while (a.text < a.end && b.text < b.end) {
		int order = compare_char(&a, &b);

		if (order != 0)
			return order;
	}
	return (a.text < a.end) - (b.text < b.end);
}

/* Sorted, so that a hostile text costs n log n and not n². */
const char *
wb_json_names_leave(struct wb_json_names *names, size_t first)
{
	struct wb_json_name *own;
	size_t i, n = names->n - first;

	names->n = first;
	if (n < 2)
		return NULL;
	own = names->list + first;
	qsort(own, n, sizeof(*own), compare);
	for (i = 1; i < n; i++) {
		if (compare(&own[i - 1], &own[i]) == 0)
			return own[i].text > own[i - 1].text ? own[i].text
			                                     : own[i - 1].text;
	}
	return NULL;
}
