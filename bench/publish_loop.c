/* The yardstick of the relay: one message, published again and again with
 * confirms and mandatory, as fast as a window of unconfirmed ones allows. No
 * database, no order. It ends with the last confirm: who started it takes the
 * time. */
#include "amqp/amqp.h"

#include "base/attr.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/params.h"
#include "loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	DEADLINE_MS = 120 * 1000,
	BODY_MAX = 1 << 20,
};

struct params {
	char *exchange, *routing_key, *body_file;
	int64_t events, window;
};

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param table[] = {
	{ .name = "exchange",
	  .type = WB_PARAM_TEXT,
	  FIELD(exchange),
	  .def = "",
	  .max = 255,
	  .unit = "",
	  .help = "where to publish" },
	{ .name = "routing-key",
	  .type = WB_PARAM_TEXT,
	  FIELD(routing_key),
	  .def = "",
	  .max = 255,
	  .unit = "",
	  .help = "with which key; it becomes the type too" },
	{ .name = "body-file",
	  .type = WB_PARAM_TEXT,
	  FIELD(body_file),
	  .def = "",
	  .min = 1,
	  .max = 4096,
	  .unit = "",
	  .help = "what to publish: a file of at most 1 MiB" },
	{ .name = "events",
	  .type = WB_PARAM_INT,
	  FIELD(events),
	  .def = "100000",
	  .min = 1,
	  .max = 100000000,
	  .unit = "messages",
	  .help = "how many" },
	{ .name = "window",
	  .type = WB_PARAM_INT,
	  FIELD(window),
	  .def = "1000",
	  .min = 1,
	  .max = 100000,
	  .unit = "messages",
	  .help = "most messages without a confirm" },
};

static struct {
	struct params params;
	struct wb_amqp_params amqp_params;
	struct wb_loop *loop;
	struct wb_amqp *amqp;
	struct wb_amqp_channel *channel;
	struct wb_timer deadline;
	struct wb_amqp_message message;
	char body[BODY_MAX];
	int64_t published, confirmed;
	bool *has_confirm;   /* by tag - 1 */
	int64_t oldest;      /* tags up to this one are confirmed */
	const char *failure; /* NULL while all is well */
} bench;

static void
fail(const char *why)
{
	bench.failure = why;
	wb_loop_stop(bench.loop);
}

static void
publish(void)
{
	while (bench.published < bench.params.events &&
	       bench.published - bench.confirmed < bench.params.window) {
		if (wb_amqp_publish(bench.channel, &bench.message) == 0) {
			fail("a message can't be encoded");
			return;
		}
		bench.published++;
	}
}

static void
on_selected(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	(void)arg;
	(void)messages;
	(void)consumers;
	if (err == WB_OK)
		publish();
}

static void
on_confirm(void *arg, uint64_t tag, bool is_multiple, bool is_ack)
{
	(void)arg;
	if (!is_ack || tag == 0 || (int64_t)tag > bench.published) {
		fail("the broker refused a message");
		return;
	}
	for (int64_t i = is_multiple ? bench.oldest : (int64_t)tag - 1;
	     i < (int64_t)tag; i++) {
		bench.confirmed += bench.has_confirm[i] ? 0 : 1;
		bench.has_confirm[i] = true;
	}
	while (bench.oldest < bench.published &&
	       bench.has_confirm[bench.oldest])
		bench.oldest++;
	if (bench.confirmed == bench.params.events)
		wb_loop_stop(bench.loop);
	else
		publish();
}

static void
on_return(void *arg, const struct wb_amqp_return *returned)
{
	(void)arg;
	(void)returned;
	fail("no queue takes the messages");
}

static void
on_closed(void *arg, uint16_t code, const char *text)
{
	(void)arg;
	(void)code;
	(void)text;
	fail("the broker closed the channel");
}

static const struct wb_amqp_channel_events channel_events = {
	.on_closed = on_closed,
	.on_confirm = on_confirm,
	.on_return = on_return,
};

static void
on_ready(void *arg)
{
	(void)arg;
	bench.channel = wb_amqp_channel_open(bench.amqp, &channel_events, NULL);
	if (bench.channel == NULL)
		fail("the broker allows no channel");
	else
		wb_amqp_confirm_select(bench.channel, on_selected, NULL);
}

static void
on_lost(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	fail("the broker can't be reached");
}

static void
on_deadline(void *arg)
{
	(void)arg;
	fail("it took too long");
}

static const struct wb_amqp_events amqp_events = {
	.on_ready = on_ready,
	.on_lost = on_lost,
};

/* What the relay sends with an event, but for headers. */
static void
make_message(size_t body_bytes)
{
	bench.message = (struct wb_amqp_message){
		.exchange = bench.params.exchange,
		.routing_key = bench.params.routing_key,
		.is_mandatory = true,
		.props = {
			.content_type = "application/cloudevents+json",
			.message_id = "0190a000-0000-7000-8000-000000000000",
			.type = bench.params.routing_key,
			.app_id = "bench",
			.timestamp_s = 1,
			.is_persistent = true,
		},
		.body = bench.body,
		.body_bytes = body_bytes,
	};
}

static bool
read_body(size_t *ret_bytes)
{
	FILE *file = fopen(bench.params.body_file, "rb");

	if (file == NULL)
		return false;
	*ret_bytes = fread(bench.body, 1, sizeof bench.body, file);
	(void)fclose(file);
	return *ret_bytes > 0;
}

static void
run(void)
{
	bench.has_confirm =
	    wb_zalloc((size_t)bench.params.events * sizeof(bool));
	bench.loop = wb_loop_new();
	wb_timer_init(&bench.deadline, bench.loop, on_deadline, NULL);
	wb_timer_start_ms(&bench.deadline, DEADLINE_MS);
	bench.amqp = wb_amqp_new(bench.loop, &bench.amqp_params, "publish-loop",
	                         &amqp_events, NULL);
	wb_loop_run(bench.loop);
	wb_amqp_free(bench.amqp);
	wb_timer_fini(&bench.deadline);
	wb_loop_free(bench.loop);
	free(bench.has_confirm);
}

int
main(int argc, char **argv)
{
	const struct wb_param_set sets[] = {
		{ table, WB_ARRAY_LEN(table), &bench.params },
		{ wb_amqp_params_table, wb_amqp_params_count,
		  &bench.amqp_params },
	};
	enum wb_params_end end;
	size_t body_bytes = 0;
	int status = 2;

	wb_log_setup("publish-loop", WB_LOG_ERROR);
	end = wb_params_load(
	    sets, WB_ARRAY_LEN(sets),
	    "publish-loop: publishes one message again and again", argc, argv,
	    NULL);
	if (end != WB_PARAMS_RUN) {
		status = end == WB_PARAMS_SHOWN ? 0 : 2;
	} else if (!read_body(&body_bytes)) {
		(void)fprintf(stderr, "publish-loop: %s: can't be read\n",
		              bench.params.body_file);
	} else {
		make_message(body_bytes);
		run();
		status = bench.failure == NULL ? 0 : 1;
		if (bench.failure != NULL)
			(void)fprintf(stderr, "publish-loop: %s\n",
			              bench.failure);
	}
	wb_params_free(sets, WB_ARRAY_LEN(sets));
	return status;
}
