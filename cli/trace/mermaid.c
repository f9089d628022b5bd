#include "mermaid.h"

#include "base/attr.h"
#include "expect.h"
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

/* A step of the diagram: an arrow, or a note. */
struct item {
	int64_t at_us; /* 0: not over, so among the last ones */
	size_t place;
	const char *text; /* what stands before the colon */
	const char *label;
};

struct drawing {
	const struct wb_story *story;
	struct wb_arena *arena;
	struct item *items;
	size_t n_items, cap;
	bool is_there[WB_N_SERVICES]; /* takes part */
};

static void
add(struct drawing *d, int64_t at_us, const char *text, const char *label)
{
	if (d->n_items == d->cap) {
		struct item *items = wb_arena_alloc(
		    d->arena, (2 * d->cap + 32) * sizeof(*items));

		if (d->n_items > 0)
			memcpy(items, d->items, d->n_items * sizeof(*items));
		d->items = items;
		d->cap = 2 * d->cap + 32;
	}
	d->items[d->n_items] = (struct item){
		.at_us = at_us,
		.place = d->n_items,
		.text = text,
		.label = label,
	};
	d->n_items++;
}

static const char *
after(struct drawing *d, int64_t at_us)
{
	char span[WB_TIMELINE_SPAN_BYTES];

	(void)wb_timeline_span(at_us - wb_story_began_us(d->story), span);
	return wb_arena_strdup(d->arena, span);
}

/* ---- what is drawn ---- */

/* How an event reached its consumer, or did not. */
static void
draw_delivery(struct drawing *d, const struct wb_story_event *event,
              size_t consumer)
{
	static const struct {
		const char *arrow, *says;
	} fates[] = {
		[WB_FATE_UNKNOWN] = { "-->>", ", nothing known" },
		[WB_FATE_UNPUBLISHED] = { "--)", ", not published" },
		[WB_FATE_WAITING] = { "--)", ", not handled yet" },
		[WB_FATE_SCHEDULED] = { "--)", ", due again" },
		[WB_FATE_DEAD] = { "-x", ", dead-lettered" },
		[WB_FATE_GIVEN_UP] = { "-x", ", given up" },
		[WB_FATE_HANDLED] = { "->>", "" },
	};
	const struct wb_story_delivery *delivery = &event->deliveries[consumer];
	const char *to = wb_services[consumer].name;

	for (const struct wb_story_attempt *at = delivery->attempts; at != NULL;
	     at = at->next)
		add(d, at->failed_us,
		    wb_arena_printf(d->arena, "Note over %s", to),
		    wb_arena_printf(d->arena, "%s failed, attempt %lld: %s",
		                    event->type, (long long)at->nth, at->code));
	add(d, delivery->handled_us,
	    wb_arena_printf(d->arena, "%s%s%s",
	                    wb_services[event->service].name,
	                    fates[delivery->fate].arrow, to),
	    delivery->handled_us != 0
	        ? wb_arena_printf(d->arena, "%s (%s)", event->type,
	                          after(d, delivery->handled_us))
	        : wb_arena_printf(d->arena, "%s%s", event->type,
	                          fates[delivery->fate].says));
	d->is_there[event->service] = true;
	d->is_there[consumer] = true;
}

/* History hears everything: it is only drawn where it has not. */
static bool
is_drawn(const struct wb_story_event *event, size_t consumer)
{
	const struct wb_story_delivery *delivery = &event->deliveries[consumer];

	return delivery->is_routed && (consumer != WB_SERVICE_history ||
	                               (delivery->fate != WB_FATE_HANDLED &&
	                                delivery->fate != WB_FATE_UNKNOWN));
}

static void
draw_expected(struct drawing *d)
{
	struct wb_expectation *list;
	size_t n = wb_story_expect(d->story, &list);

	for (size_t i = 0; i < n; i++) {
		const struct wb_service_row *row = wb_service_find(list[i].who);
		size_t at = row != NULL ? (size_t)(row - wb_services)
		                        : (size_t)WB_SERVICE_orders;

		d->is_there[at] = true;
		add(d, 0,
		    wb_arena_printf(d->arena, "Note over %s",
		                    wb_services[at].name),
		    wb_arena_printf(d->arena, "expected of %s: %s", list[i].who,
		                    list[i].what));
	}
}

/* ---- the text ---- */

/* A label ends with its line or a semicolon, and is HTML in the end. */
static void
put_label(struct wb_buf *out, const char *label)
{
	for (; *label != '\0'; label++) {
		unsigned char c = (unsigned char)*label;

		if (c < ' ' || c == 0x7f)
			wb_buf_adds(out, " ");
		else if (strchr("#;<>&\"%", c) != NULL)
			wb_buf_printf(out, "#%u;", (unsigned)c);
		else
			wb_buf_add(out, label, 1);
	}
}

static int
compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int64_t x_us = x->at_us != 0 ? x->at_us : INT64_MAX;
	int64_t y_us = y->at_us != 0 ? y->at_us : INT64_MAX;

	if (x_us != y_us)
		return x_us < y_us ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

void
wb_mermaid_print(const struct wb_story *story, struct wb_buf *out)
{
	struct drawing d = { .story = story, .arena = wb_arena_new() };

	d.is_there[WB_SERVICE_orders] = true;
	for (size_t i = 0; i < story->n_events; i++)
		for (size_t j = 0; j < WB_N_SERVICES; j++)
			if (is_drawn(story->events[i], j))
				draw_delivery(&d, story->events[i], j);
	draw_expected(&d);
	if (d.n_items > 0)
		qsort(d.items, d.n_items, sizeof(*d.items), compare);

	wb_buf_printf(out, "sequenceDiagram\n    title Order %s: %s\n",
	              story->id_text, wb_story_status(story));
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (d.is_there[i])
			wb_buf_printf(out, "    participant %s\n",
			              wb_services[i].name);
	for (size_t i = 0; i < d.n_items; i++) {
		wb_buf_printf(out, "    %s: ", d.items[i].text);
		put_label(out, d.items[i].label);
		wb_buf_adds(out, "\n");
	}
	wb_arena_free(d.arena);
}
