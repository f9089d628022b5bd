#include "services.h"

#include <string.h>

#define QUEUE_true(name)  #name, #name ".dlq"
#define QUEUE_false(name) NULL, NULL

const struct wb_service_row wb_services[WB_N_SERVICES] = {
#define X(name, has_events, has_queue)                                         \
	{ #name, has_events, QUEUE_##has_queue(name) },
	WB_SERVICE_TABLE(X)
#undef X
};

const struct wb_service_row *
wb_service_find(const char *name)
{
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (strcmp(wb_services[i].name, name) == 0)
			return &wb_services[i];
	return NULL;
}

const char *
wb_service_names(void)
{
#define X(name, has_events, has_queue) ", " #name
	static const char names[] = WB_SERVICE_TABLE(X);
#undef X

	return names + 2;
}
