#include "topology_model.h"

#include "topology_table.h"

#include "base/buf.h"
#include "base/mem.h"
#include "shop/events.h"

#include <string.h>

/* The first RabbitMQ that limits deliveries unless told otherwise, and takes -1
 * as "no limit". Before it -1 would count as a limit that is always reached. */
#define FIRST_MAJOR_WITH_DEFAULT_LIMIT 4

/* Nobody's looking must change a dead letter's fate: no delivery limit. Its row
 * is the last one, left out where it is the default. */
static const struct wb_amqp_header dlq_arguments[] = {
	{ .name = "x-queue-type", .text = "quorum" },
	{ .name = "x-delivery-limit", .number = -1 },
};

static const char *const shop_consumers[] = {
#define X(consumer) #consumer,
	TOPOLOGY_CONSUMERS(X)
#undef X
};

static const struct wb_topology_binding shop_bindings[] = {
#define X(consumer, type) { .queue = #consumer, .event = &shop_##type },
	TOPOLOGY_BINDINGS(X)
#undef X
};

enum { N_ARGUMENTS = 6 };

/* A consumer's two queues; made when they are first asked for, and kept. */
struct consumer {
	const char *name, *dlq, *read_right;
	struct wb_amqp_header arguments[N_ARGUMENTS];
};

static struct {
	const char *const *names;
	size_t n;
	struct consumer *consumers; /* NULL: not made yet */
	struct wb_topology_user *users;
} model = { .names = shop_consumers, .n = WB_ARRAY_LEN(shop_consumers) };

const struct wb_topology_binding *wb_topology_bindings = shop_bindings;
size_t wb_topology_n_bindings = WB_ARRAY_LEN(shop_bindings);

static const char *
text(const char *before, const char *name, const char *after)
{
	struct wb_buf buf = { 0 };

	wb_buf_printf(&buf, "%s%s%s", before, name, after);
	return wb_buf_text(&buf);
}

/* Every argument is explicit, so that all versions of RabbitMQ behave alike.
 * at-least-once dead-lettering needs reject-publish. */
static void
make_consumer(struct consumer *consumer, const char *name)
{
	const char *dlq = text("", name, ".dlq");
	const struct wb_amqp_header arguments[N_ARGUMENTS] = {
		{ .name = "x-queue-type", .text = "quorum" },
		{ .name = "x-delivery-limit",
		  .number = TOPOLOGY_DELIVERY_LIMIT },
		{ .name = "x-dead-letter-exchange", .text = "" },
		{ .name = "x-dead-letter-routing-key", .text = dlq },
		{ .name = "x-dead-letter-strategy", .text = "at-least-once" },
		{ .name = "x-overflow", .text = "reject-publish" },
	};

	consumer->name = name;
	consumer->dlq = dlq;
	consumer->read_right = text("^", name, "$");
	memcpy(consumer->arguments, arguments, sizeof(arguments));
}

/* Consumers read their own queue and acknowledge, nothing else. The relay
 * publishes events to the exchange, and retries and dead letters straight to
 * queues. */
static void
make_users(void)
{
	model.users = wb_zalloc((model.n + 1) * sizeof(*model.users));
	for (size_t i = 0; i < model.n; i++)
		model.users[i] = (struct wb_topology_user){
			.name = model.consumers[i].name,
			.configure = "^$",
			.write = "^$",
			.read = model.consumers[i].read_right,
		};
	model.users[model.n] = (struct wb_topology_user){
		.name = TOPOLOGY_RELAY,
		.configure = "^$",
		.write = "^(waybill\\.events|amq\\.default)$",
		.read = "^$",
	};
}

static const struct consumer *
consumers(void)
{
	if (model.consumers != NULL)
		return model.consumers;
	model.consumers = wb_zalloc(model.n * sizeof(*model.consumers));
	for (size_t i = 0; i < model.n; i++)
		make_consumer(&model.consumers[i], model.names[i]);
	make_users();
	return model.consumers;
}

void
wb_topology_use(const char *const *names, size_t n_names,
                const struct wb_topology_binding *bindings, size_t n_bindings)
{
	WB_ASSERT(model.consumers == NULL);
	model.names = names;
	model.n = n_names;
	wb_topology_bindings = bindings;
	wb_topology_n_bindings = n_bindings;
}

size_t
wb_topology_n_users(void)
{
	return model.n + 1;
}

const struct wb_topology_user *
wb_topology_user(size_t i)
{
	(void)consumers();
	return &model.users[i];
}

size_t
wb_topology_n_queues(void)
{
	return 2 * model.n;
}

struct wb_topology_queue
wb_topology_queue(size_t i, unsigned rabbitmq_major)
{
	const struct consumer *consumer = &consumers()[i / 2];
	struct wb_topology_queue queue = { .name = consumer->name };
	bool has_limit = rabbitmq_major >= FIRST_MAJOR_WITH_DEFAULT_LIMIT;

	if (i % 2 == 0) {
		queue.arguments = consumer->arguments;
		queue.n_arguments = N_ARGUMENTS;
	} else {
		queue.name = consumer->dlq;
		queue.arguments = dlq_arguments;
		queue.n_arguments =
		    WB_ARRAY_LEN(dlq_arguments) - (has_limit ? 0 : 1);
	}
	return queue;
}

bool
wb_topology_has_queue(const char *name)
{
	for (size_t i = 0; i < model.n; i++) {
		if (strcmp(name, consumers()[i].name) == 0 ||
		    strcmp(name, consumers()[i].dlq) == 0)
			return true;
	}
	return false;
}
