/* Declares the topology over AMQP: idempotent, and RabbitMQ refuses what would
 * change something that exists. */
#include "topology_run.h"

#include "topology_model.h"
#include "topology_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct declaring {
	struct wb_loop *loop;
	struct wb_amqp *amqp;
	struct wb_timer deadline;
	bool is_version_only;
	enum wb_err err; /* once it is closing */
	struct wb_note *note;
	struct wb_note why; /* of the last failure to connect */
	unsigned major;
};

static void
on_closed_down(void *arg)
{
	struct declaring *d = arg;

	wb_loop_stop(d->loop);
}

/* No callback but this one after it. */
static void
end(struct declaring *d, enum wb_err err, const char *text)
{
	d->err = wb_fail(d->note, err, "%s", text);
	wb_timer_stop(&d->deadline);
	wb_amqp_close(d->amqp, on_closed_down, d);
}

static void
on_deadline(void *arg)
{
	struct declaring *d = arg;

	end(d, WB_ERR_TIMEOUT,
	    d->why.text[0] == '\0' ? "the broker does not answer"
	                           : d->why.text);
}

static void
on_last_reply(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	(void)messages;
	(void)consumers;
	if (err == WB_OK)
		end(arg, WB_OK, "");
}

/* A refusal is final. When the connection was lost everything is declared
 * again on the next one. */
static void
on_closed(void *arg, uint16_t code, const char *text)
{
	struct declaring *d = arg;

	if (code != 0 || wb_amqp_is_ready(d->amqp))
		end(d, WB_ERR_BROKER_REFUSED, text);
}

static void
declare_all(struct declaring *d, struct wb_amqp_channel *channel)
{
	size_t i;

	wb_amqp_declare_exchange(channel, TOPOLOGY_EXCHANGE,
	                         TOPOLOGY_EXCHANGE_TYPE, NULL, NULL);
	for (i = 0; i < wb_topology_n_queues(); i++) {
		struct wb_topology_queue queue = wb_topology_queue(i, d->major);

		wb_amqp_declare_queue(channel, queue.name, queue.arguments,
		                      queue.n_arguments, NULL, NULL);
	}
	for (i = 0; i < wb_topology_n_bindings; i++) {
		const struct wb_topology_binding *binding =
		    &wb_topology_bindings[i];
		bool is_last = i + 1 == wb_topology_n_bindings;

		wb_amqp_bind_queue(channel, binding->queue, TOPOLOGY_EXCHANGE,
		                   binding->event->name,
		                   is_last ? on_last_reply : NULL, d);
	}
}

static void
on_ready(void *arg)
{
	static const struct wb_amqp_channel_events events = {
		.on_closed = on_closed,
	};
	struct declaring *d = arg;
	struct wb_amqp_channel *channel;

	d->major = (unsigned)strtoul(wb_amqp_server_version(d->amqp), NULL, 10);
	if (d->is_version_only) {
		end(d, WB_OK, "");
		return;
	}
	channel = wb_amqp_channel_open(d->amqp, &events, d);
	WB_ASSERT(channel != NULL);
	declare_all(d, channel);
}

static void
on_lost(void *arg, const char *why)
{
	struct declaring *d = arg;

	if (d->why.text[0] == '\0')
		(void)fprintf(stderr, "waybill topology: waiting for %s\n",
		              why);
	(void)wb_fail(&d->why, WB_ERR_BROKER_LOST, "%s", why);
}

static enum wb_err
run(struct declaring *d, const struct wb_amqp_params *params, int64_t wait_ms)
{
	static const struct wb_amqp_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};

	d->amqp = wb_amqp_new(d->loop, params, "waybill topology", &events, d);
	wb_timer_init(&d->deadline, d->loop, on_deadline, d);
	wb_timer_start_ms(&d->deadline, wait_ms);
	wb_loop_run(d->loop);
	wb_timer_fini(&d->deadline);
	wb_amqp_free(d->amqp);
	return d->err;
}

enum wb_err
wb_topology_ask_version(struct wb_loop *loop,
                        const struct wb_amqp_params *params, int64_t wait_ms,
                        unsigned *ret_major, struct wb_note *note)
{
	struct declaring d = { .loop = loop,
		               .note = note,
		               .is_version_only = true };
	enum wb_err err = run(&d, params, wait_ms);

	if (err == WB_OK)
		*ret_major = d.major;
	return err;
}

enum wb_err
wb_topology_declare(struct wb_loop *loop, const struct wb_amqp_params *params,
                    int64_t wait_ms, struct wb_note *note)
{
	struct declaring d = { .loop = loop, .note = note };

	return run(&d, params, wait_ms);
}
