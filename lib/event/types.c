/* The catalogue of event types as lookups. Not for what an event carries: that
 * is schema/events. */
#include "event/types.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *type;
	const char *aggregate;
} rows[] = {
#define X(name, type, aggregate) [WB_EV_##name] = { type, aggregate },
	WB_EVENT_TABLE(X)
#undef X
};

static_assert(WB_ARRAY_LEN(rows) == WB_EV_COUNT, "one row per type");

const char *
wb_event_type_text(enum wb_event_type type)
{
	WB_ASSERT(type < WB_EV_COUNT);
	return rows[type].type;
}

const char *
wb_event_aggregate(enum wb_event_type type)
{
	WB_ASSERT(type < WB_EV_COUNT);
	return rows[type].aggregate;
}

enum wb_event_type
wb_event_type_parse(const char *text)
{
	size_t i;

	for (i = 0; i < WB_EV_COUNT; i++)
		if (strcmp(rows[i].type, text) == 0)
			return (enum wb_event_type)i;
	return WB_EV_UNKNOWN;
}
