#include "topology_model.h"

#include "topology_table.h"
#include "shop/events.h"

#include <string.h>

/* The first RabbitMQ that limits deliveries unless told otherwise, and takes -1
 * as "no limit". Before it -1 would count as a limit that is always reached. */
#define FIRST_MAJOR_WITH_DEFAULT_LIMIT 4

/* Every argument is explicit, so that all versions of RabbitMQ behave alike.
 * at-least-once dead-lettering needs reject-publish. */
#define QUEUE_ARGUMENTS(consumer)                                              \
	{                                                                      \
		{ .name = "x-queue-type", .text = "quorum" },                  \
		    { .name = "x-delivery-limit",                              \
		      .number = TOPOLOGY_DELIVERY_LIMIT },                     \
		    { .name = "x-dead-letter-exchange", .text = "" },          \
		    { .name = "x-dead-letter-routing-key",                     \
		      .text = #consumer ".dlq" },                              \
		    { .name = "x-dead-letter-strategy",                        \
		      .text = "at-least-once" },                               \
		    { .name = "x-overflow", .text = "reject-publish" },        \
	}

/* Nobody's looking must change a dead letter's fate: no delivery limit. Its row
 * is the last one, left out where it is the default. */
static const struct wb_amqp_header dlq_arguments[] = {
	{ .name = "x-queue-type", .text = "quorum" },
	{ .name = "x-delivery-limit", .number = -1 },
};

#define X(consumer)                                                            \
	static const struct wb_amqp_header consumer##_arguments[] =            \
	    QUEUE_ARGUMENTS(consumer);
TOPOLOGY_CONSUMERS(X)
#undef X

static const struct {
	const char *queue, *dlq;
	const struct wb_amqp_header *arguments;
	size_t n_arguments;
} consumers[] = {
#define X(consumer)                                                            \
	{ .queue = #consumer,                                                  \
	  .dlq = #consumer ".dlq",                                             \
	  .arguments = consumer##_arguments,                                   \
	  .n_arguments = WB_ARRAY_LEN(consumer##_arguments) },
	TOPOLOGY_CONSUMERS(X)
#undef X
};

const struct wb_topology_binding wb_topology_bindings[] = {
#define X(consumer, type) { .queue = #consumer, .event = &shop_##type },
	TOPOLOGY_BINDINGS(X)
#undef X
};

const size_t wb_topology_n_bindings = WB_ARRAY_LEN(wb_topology_bindings);

/* Consumers read their own queue and acknowledge, nothing else. The relay
 * publishes events to the exchange, and retries and dead letters straight to
 * queues. */
const struct wb_topology_user wb_topology_users[] = {
#define X(consumer)                                                            \
	{ .name = #consumer,                                                   \
	  .configure = "^$",                                                   \
	  .write = "^$",                                                       \
	  .read = "^" #consumer "$" },
	TOPOLOGY_CONSUMERS(X)
#undef X
	    { .name = TOPOLOGY_RELAY,
	      .configure = "^$",
	      .write = "^(waybill\\.events|amq\\.default)$",
	      .read = "^$" },
};

const size_t wb_topology_n_users = WB_ARRAY_LEN(wb_topology_users);

size_t
wb_topology_n_queues(void)
{
	return 2 * WB_ARRAY_LEN(consumers);
}

struct wb_topology_queue
wb_topology_queue(size_t i, unsigned rabbitmq_major)
{
	struct wb_topology_queue queue = { .name = consumers[i / 2].queue };
	bool has_limit = rabbitmq_major >= FIRST_MAJOR_WITH_DEFAULT_LIMIT;

	if (i % 2 == 0) {
		queue.arguments = consumers[i / 2].arguments;
		queue.n_arguments = consumers[i / 2].n_arguments;
	} else {
		queue.name = consumers[i / 2].dlq;
		queue.arguments = dlq_arguments;
		queue.n_arguments =
		    WB_ARRAY_LEN(dlq_arguments) - (has_limit ? 0 : 1);
	}
	return queue;
}

bool
wb_topology_has_queue(const char *name)
{
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(consumers); i++) {
		if (strcmp(name, consumers[i].queue) == 0 ||
		    strcmp(name, consumers[i].dlq) == 0)
			return true;
	}
	return false;
}
