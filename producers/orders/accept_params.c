/* The parameters of accept.c. */
#include "accept_params.h"

#define FIELD(name) .offset = offsetof(struct accept_params, name)

struct accept_params accept_params;

static const struct wb_param table[] = {
	{ .name = "accept-connections",
	  .type = WB_PARAM_INT,
	  FIELD(connections),
	  .def = "2",
	  .min = 1,
	  .max = 64,
	  .unit = "connections",
	  .help = "to Postgres for storing orders, a batch at a time each" },
	{ .name = "accept-batch-orders",
	  .type = WB_PARAM_INT,
	  FIELD(batch_orders),
	  .def = "250",
	  .min = 1,
	  .max = 10000,
	  .unit = "orders",
	  .help = "at most so many in one transaction" },
	{ .name = "accept-batch-bytes",
	  .type = WB_PARAM_INT,
	  FIELD(batch_bytes),
	  .def = "1048576",
	  .min = 1024,
	  .max = 67108864,
	  .unit = "bytes",
	  .help = "of requests, at most so many in one transaction (but at "
	          "least one order)" },
	{ .name = "accept-waiting",
	  .type = WB_PARAM_INT,
	  FIELD(waiting),
	  .def = "5000",
	  .min = 1,
	  .max = 1000000,
	  .unit = "orders",
	  .help = "at most so many wait to be stored; more are answered 503" },
	{ .name = "accept-wait-ms",
	  .type = WB_PARAM_INT,
	  FIELD(wait_ms),
	  .def = "5000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "longest wait of an order to be stored; then 503" },
	{ .name = "lookup-wait-ms",
	  .type = WB_PARAM_INT,
	  FIELD(lookup_wait_ms),
	  .def = "1000",
	  .min = 0,
	  .max = 60000,
	  .unit = "ms",
	  .help = "how long an unknown customer or SKU is looked up again, "
	          "since its event may be on its way; then 422" },
	{ .name = "order-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(order_deadline_ms),
	  .def = "900000",
	  .min = 1,
	  .max = 31536000000,
	  .unit = "ms",
	  .help = "an order still pending after this is cancelled" },
};

const struct wb_param_set accept_param_set = {
	.params = table,
	.n_params = WB_ARRAY_LEN(table),
	.target = &accept_params,
};
