/* A process of lib/service with nothing to do: its dependency becomes ready
 * after ready-after-ms, its work is finished drain-ms after SIGTERM. */
#include "base/attr.h"
#include "base/health.h"
#include "service/service.h"

#include <stdint.h>

struct params {
	int64_t ready_after_ms, drain_ms;
	bool fails;
};

static struct {
	struct params params;
	struct wb_timer ready_timer, drain_timer;
	wb_service_drained_fn drained;
} child;

static const struct wb_param table[] = {
	{ .name = "ready-after-ms",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct params, ready_after_ms),
	  .def = "200",
	  .min = 0,
	  .max = 10000,
	  .unit = "ms",
	  .help = "until the dependency is ready" },
	{ .name = "drain-ms",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct params, drain_ms),
	  .def = "50",
	  .min = 0,
	  .max = 600000,
	  .unit = "ms",
	  .help = "the work left after SIGTERM" },
	{ .name = "fails",
	  .type = WB_PARAM_BOOL,
	  .offset = offsetof(struct params, fails),
	  .def = "false",
	  .unit = "",
	  .help = "whether the start fails" },
};

static void
on_ready(void *arg)
{
	wb_health_set(arg, true, "here");
}

static void
on_drained(void *arg)
{
	(void)arg;
	child.drained();
}

static enum wb_err
start(struct wb_loop *loop, struct wb_note *note)
{
	if (child.params.fails)
		return wb_fail(note, WB_ERR_IO, "what=\"told to\"");
	wb_timer_init(&child.ready_timer, loop, on_ready,
	              wb_health("dependency"));
	wb_timer_init(&child.drain_timer, loop, on_drained, NULL);
	wb_timer_start_ms(&child.ready_timer, child.params.ready_after_ms);
	return WB_OK;
}

static void
drain(wb_service_drained_fn drained)
{
	child.drained = drained;
	wb_timer_start_ms(&child.drain_timer, child.params.drain_ms);
}

static void
stop(void)
{
	wb_timer_fini(&child.ready_timer);
	wb_timer_fini(&child.drain_timer);
}

int
main(int argc, char **argv)
{
	const struct wb_param_set set = { table, WB_ARRAY_LEN(table),
		                          &child.params };
	const struct wb_service service = {
		.name = "service-child",
		.usage = "waits for its end",
		.params = &set,
		.n_params = 1,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	return wb_service_main(&service, argc, argv);
}
