/* The parameters of a pool. */
#include "pg/pool.h"

#include "base/attr.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct wb_pg_pool_params, name)

const struct wb_param wb_pg_pool_params_table[] = {
	{ .name = "pool-connections",
	  .type = WB_PARAM_INT,
	  FIELD(size),
	  .def = "2",
	  .min = 1,
	  .max = 100,
	  .unit = "connections",
	  .help = "to Postgres, shared by requests" },
	{ .name = "pool-waiting",
	  .type = WB_PARAM_INT,
	  FIELD(max_waiting),
	  .def = "1000",
	  .min = 0,
	  .max = 1000000,
	  .unit = "requests",
	  .help = "at most so many wait for a connection; more are answered "
	          "503" },
	{ .name = "pool-wait-ms",
	  .type = WB_PARAM_INT,
	  FIELD(max_wait_ms),
	  .def = "2000",
	  .min = 1,
	  .max = 600000,
	  .unit = "ms",
	  .help = "longest wait for a connection; then 503" },
};

const size_t wb_pg_pool_params_count = WB_ARRAY_LEN(wb_pg_pool_params_table);
