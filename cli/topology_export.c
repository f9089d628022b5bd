/* The topology as RabbitMQ definitions. */
#include "topology_run.h"

#include "topology_model.h"
#include "topology_table.h"

#include <inttypes.h>
#include <string.h>

static void
add_text(struct wb_buf *out, const char *text)
{
	wb_buf_add_json_string(out, text, strlen(text));
}

static void
add_arguments(struct wb_buf *out, const struct wb_topology_queue *queue)
{
	size_t i;

	for (i = 0; i < queue->n_arguments; i++) {
		const struct wb_amqp_header *argument = &queue->arguments[i];

		wb_buf_adds(out, i == 0 ? "" : ",");
		add_text(out, argument->name);
		wb_buf_adds(out, ":");
		if (argument->text != NULL)
			add_text(out, argument->text);
		else
			wb_buf_printf(out, "%" PRId64, argument->number);
	}
}

static void
add_queue(struct wb_buf *out, const struct wb_topology_queue *queue,
          const char *vhost)
{
	wb_buf_adds(out, "  {\"name\":");
	add_text(out, queue->name);
	wb_buf_adds(out, ",\"vhost\":");
	add_text(out, vhost);
	wb_buf_adds(out,
	            ",\"durable\":true,\"auto_delete\":false,\"arguments\":{");
	add_arguments(out, queue);
	wb_buf_adds(out, "}}");
}

static void
add_binding(struct wb_buf *out, const struct wb_topology_binding *binding,
            const char *vhost)
{
	wb_buf_adds(out, "  {\"source\":\"" TOPOLOGY_EXCHANGE "\",\"vhost\":");
	add_text(out, vhost);
	wb_buf_adds(out, ",\"destination\":");
	add_text(out, binding->queue);
	wb_buf_adds(out, ",\"destination_type\":\"queue\",\"routing_key\":");
	add_text(out, binding->event->name);
	wb_buf_adds(out, ",\"arguments\":{}}");
}

void
wb_topology_print_definitions(struct wb_buf *out, const char *vhost,
                              unsigned rabbitmq_major)
{
	size_t i;

	wb_buf_adds(out, "{\n \"vhosts\":[\n  {\"name\":");
	add_text(out, vhost);
	wb_buf_adds(out, "}],\n \"exchanges\":[\n"
	                 "  {\"name\":\"" TOPOLOGY_EXCHANGE "\",\"vhost\":");
	add_text(out, vhost);
	wb_buf_adds(out, ",\"type\":\"" TOPOLOGY_EXCHANGE_TYPE
	                 "\",\"durable\":true,\"auto_delete\":false,"
	                 "\"internal\":false,\"arguments\":{}}],\n"
	                 " \"queues\":[\n");
	for (i = 0; i < wb_topology_n_queues(); i++) {
		struct wb_topology_queue queue =
		    wb_topology_queue(i, rabbitmq_major);

		wb_buf_adds(out, i == 0 ? "" : ",\n");
		add_queue(out, &queue, vhost);
	}
	wb_buf_adds(out, "],\n \"bindings\":[\n");
	for (i = 0; i < wb_topology_n_bindings; i++) {
		wb_buf_adds(out, i == 0 ? "" : ",\n");
		add_binding(out, &wb_topology_bindings[i], vhost);
	}
	wb_buf_adds(out, "]\n}\n");
}
