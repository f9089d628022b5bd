/* The services of the system: their databases and queues. A new service is a
 * row here, beside schema/roles.sql and scripts/dev/. */
#ifndef WB_CLI_SERVICES_H
#define WB_CLI_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, emits events, has a queue): name is also that of the database, of the
 * queue, of the consumer in inbox.consumer, and of the roles. Every database
 * has an outbox (retries and dead letters go through it too). In the order in
 * which an order meets them. */
#define WB_SERVICE_TABLE(X)                                                    \
	X(catalog, true, false)                                                \
	X(customers, true, false)                                              \
	X(orders, true, true)                                                  \
	X(inventory, true, true)                                               \
	X(payments, true, true)                                                \
	X(shipping, true, true)                                                \
	X(history, false, true)                                                \
	X(notifications, false, true)

struct wb_service_row {
	const char *name;
	bool has_events;          /* emits some */
	const char *queue;        /* NULL: consumes nothing */
	const char *dead_letters; /* the queue's dead-letter queue, or NULL */
};

enum {
#define X(name, has_events, has_queue) WB_SERVICE_##name,
	WB_SERVICE_TABLE(X) WB_N_SERVICES
#undef X
};

extern const struct wb_service_row wb_services[WB_N_SERVICES];

/* NULL: there is no such service. */
const struct wb_service_row *wb_service_find(const char *name);

/* "catalog, customers, …" */
const char *wb_service_names(void);

#endif
