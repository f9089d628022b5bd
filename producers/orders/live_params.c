#include "live_params.h"

#include "base/attr.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct live_params, name)

struct live_params live_params;

static const struct wb_param table[] = {
	{ .name = "live-poll-ms",
	  .type = WB_PARAM_INT,
	  FIELD(poll_ms),
	  .def = "5",
	  .min = 1,
	  .max = 1000,
	  .unit = "ms",
	  .help = "how often the orders that somebody waits for are looked at, "
	          "all by one query; less often when that takes long" },
	{ .name = "live-waiting",
	  .type = WB_PARAM_INT,
	  FIELD(max_waiting),
	  .def = "400",
	  .min = 1,
	  .max = 100000,
	  .unit = "requests",
	  .help = "at most so many wait for orders to move on; more streams "
	          "are answered 503, and more of Prefer: wait at once" },
	{ .name = "live-max-wait-s",
	  .type = WB_PARAM_INT,
	  FIELD(max_wait_s),
	  .def = "30",
	  .min = 1,
	  .max = 600,
	  .unit = "s",
	  .help = "longest wait that Prefer: wait=N gets; shorter than a "
	          "proxy's patience" },
	{ .name = "live-heartbeat-ms",
	  .type = WB_PARAM_INT,
	  FIELD(heartbeat_ms),
	  .def = "15000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "a silent stream of server-sent events gets a comment" },
};

const struct wb_param_set live_param_set = {
	.params = table,
	.n_params = WB_ARRAY_LEN(table),
	.target = &live_params,
};
