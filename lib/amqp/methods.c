/* The synchronous methods of amqp.h: arguments into librabbitmq's structs. */
#include "amqp/channel.h"

#include "amqp/frames.h"

/* Of a declare: more is a bug of ours. */
#define ARGUMENTS_MAX 16

void
wb_amqp_confirm_select(struct wb_amqp_channel *channel, wb_amqp_reply_fn reply,
                       void *arg)
{
	amqp_confirm_select_t select = { 0 };

	wb_amqp_call(channel, AMQP_CONFIRM_SELECT_METHOD,
	             AMQP_CONFIRM_SELECT_OK_METHOD, &select, reply, arg);
}

void
wb_amqp_qos(struct wb_amqp_channel *channel, uint16_t prefetch,
            wb_amqp_reply_fn reply, void *arg)
{
	amqp_basic_qos_t qos = { .prefetch_count = prefetch };

	wb_amqp_call(channel, AMQP_BASIC_QOS_METHOD, AMQP_BASIC_QOS_OK_METHOD,
	             &qos, reply, arg);
}

void
wb_amqp_consume(struct wb_amqp_channel *channel, const char *queue,
                const char *consumer_tag, wb_amqp_reply_fn reply, void *arg)
{
	amqp_basic_consume_t consume = {
		.queue = amqp_cstring_bytes(queue),
		.consumer_tag = amqp_cstring_bytes(consumer_tag),
	};

	wb_amqp_call(channel, AMQP_BASIC_CONSUME_METHOD,
	             AMQP_BASIC_CONSUME_OK_METHOD, &consume, reply, arg);
}

void
wb_amqp_cancel(struct wb_amqp_channel *channel, const char *consumer_tag,
               wb_amqp_reply_fn reply, void *arg)
{
	amqp_basic_cancel_t cancel = {
		.consumer_tag = amqp_cstring_bytes(consumer_tag),
	};

	wb_amqp_call(channel, AMQP_BASIC_CANCEL_METHOD,
	             AMQP_BASIC_CANCEL_OK_METHOD, &cancel, reply, arg);
}

void
wb_amqp_declare_exchange(struct wb_amqp_channel *channel, const char *name,
                         const char *type, wb_amqp_reply_fn reply, void *arg)
{
	amqp_exchange_declare_t declare = {
		.exchange = amqp_cstring_bytes(name),
		.type = amqp_cstring_bytes(type),
		.durable = 1,
	};

	wb_amqp_call(channel, AMQP_EXCHANGE_DECLARE_METHOD,
	             AMQP_EXCHANGE_DECLARE_OK_METHOD, &declare, reply, arg);
}

void
wb_amqp_declare_queue(struct wb_amqp_channel *channel, const char *name,
                      const struct wb_amqp_header *arguments,
                      size_t n_arguments, wb_amqp_reply_fn reply, void *arg)
{
	amqp_table_entry_t entries[ARGUMENTS_MAX];
	amqp_queue_declare_t declare = {
		.queue = amqp_cstring_bytes(name),
		.durable = 1,
	};

	WB_ASSERT(n_arguments <= ARGUMENTS_MAX);
	(void)wb_amqp_fill_headers(arguments, n_arguments, entries,
	                           &declare.arguments);
	wb_amqp_call(channel, AMQP_QUEUE_DECLARE_METHOD,
	             AMQP_QUEUE_DECLARE_OK_METHOD, &declare, reply, arg);
}

void
wb_amqp_inspect_queue(struct wb_amqp_channel *channel, const char *name,
                      wb_amqp_reply_fn reply, void *arg)
{
	amqp_queue_declare_t declare = {
		.queue = amqp_cstring_bytes(name),
		.passive = 1,
	};

	wb_amqp_call(channel, AMQP_QUEUE_DECLARE_METHOD,
	             AMQP_QUEUE_DECLARE_OK_METHOD, &declare, reply, arg);
}

void
wb_amqp_bind_queue(struct wb_amqp_channel *channel, const char *queue,
                   const char *exchange, const char *routing_key,
                   wb_amqp_reply_fn reply, void *arg)
{
	amqp_queue_bind_t bind = {
		.queue = amqp_cstring_bytes(queue),
		.exchange = amqp_cstring_bytes(exchange),
		.routing_key = amqp_cstring_bytes(routing_key),
	};

	wb_amqp_call(channel, AMQP_QUEUE_BIND_METHOD, AMQP_QUEUE_BIND_OK_METHOD,
	             &bind, reply, arg);
}

void
wb_amqp_unbind_queue(struct wb_amqp_channel *channel, const char *queue,
                     const char *exchange, const char *routing_key,
                     wb_amqp_reply_fn reply, void *arg)
{
	amqp_queue_unbind_t unbind = {
		.queue = amqp_cstring_bytes(queue),
		.exchange = amqp_cstring_bytes(exchange),
		.routing_key = amqp_cstring_bytes(routing_key),
	};

	wb_amqp_call(channel, AMQP_QUEUE_UNBIND_METHOD,
	             AMQP_QUEUE_UNBIND_OK_METHOD, &unbind, reply, arg);
}

void
wb_amqp_delete_queue(struct wb_amqp_channel *channel, const char *queue,
                     wb_amqp_reply_fn reply, void *arg)
{
	amqp_queue_delete_t delete = {
		.queue = amqp_cstring_bytes(queue),
	};

	wb_amqp_call(channel, AMQP_QUEUE_DELETE_METHOD,
	             AMQP_QUEUE_DELETE_OK_METHOD, &delete, reply, arg);
}
