#include "base/health.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_BYTES 200

struct wb_health {
	struct wb_health *next;
	char *name;
	bool is_ready;
	char detail[DETAIL_BYTES];
};

/* In the order of their creation. */
static struct wb_health *first;

struct wb_health *
wb_health(const char *name)
{
	struct wb_health **link;

	for (link = &first; *link != NULL; link = &(*link)->next) {
		if (strcmp((*link)->name, name) == 0)
			return *link;
	}
	*link = wb_zalloc(sizeof(**link));
	(*link)->name = wb_strdup(name);
	memcpy((*link)->detail, "starting", sizeof("starting"));
	return *link;
}

void
wb_health_set(struct wb_health *health, bool is_ready, const char *fmt, ...)
{
	bool is_change = health->is_ready != is_ready;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(health->detail, sizeof(health->detail), fmt, args);
	va_end(args);
	WB_ASSERT(n >= 0);
	health->is_ready = is_ready;
	if (!is_change)
		return;
	if (is_ready)
		wb_log_info(WB_LOG_READY, "dependency=\"%s\" detail=\"%s\"",
		            health->name, health->detail);
	else
		wb_log_warn(WB_LOG_NOT_READY, "dependency=\"%s\" why=\"%s\"",
		            health->name, health->detail);
}

bool
wb_health_all_ready(void)
{
	const struct wb_health *at;

	for (at = first; at != NULL; at = at->next) {
		if (!at->is_ready)
			return false;
	}
	return true;
}

void
wb_health_print(struct wb_buf *buf)
{
	const struct wb_health *at;

	wb_buf_printf(buf, "{\"status\":\"%s\",\"dependencies\":[",
	              wb_health_all_ready() ? "ready" : "not_ready");
	for (at = first; at != NULL; at = at->next) {
		wb_buf_adds(buf, at == first ? "{\"name\":" : ",{\"name\":");
		wb_buf_add_json_string(buf, at->name, strlen(at->name));
		wb_buf_printf(buf, ",\"ready\":%s,\"detail\":",
		              at->is_ready ? "true" : "false");
		wb_buf_add_json_string(buf, at->detail, strlen(at->detail));
		wb_buf_adds(buf, "}");
	}
	wb_buf_adds(buf, "]}");
}
