/* The parameters of a Postgres connection. */
#include "pg/pg.h"

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

#define FIELD(name) .offset = offsetof(struct wb_pg_params, name)

const struct wb_param wb_pg_params_table[] = {
	{ .name = "dsn",
	  .type = WB_PARAM_SECRET,
	  FIELD(dsn),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "Postgres: a libpq connection string or URI, several hosts "
	          "allowed; what it leaves out comes from PGHOST and so on" },
	{ .name = "pg-connect-timeout-ms",
	  .type = WB_PARAM_INT,
	  FIELD(connect_timeout_ms),
	  .def = "5000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "for connecting to each host of the dsn, and for the "
	          "session's set-up" },
	{ .name = "statement-timeout-ms",
	  .type = WB_PARAM_INT,
	  FIELD(statement_timeout_ms),
	  .def = "10000",
	  .min = 0,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "the server ends a statement that runs longer; 0 = never" },
	{ .name = "tx-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(tx_deadline_ms),
	  .def = "15000",
	  .min = 10,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "a transaction that takes longer loses its connection" },
	{ .name = "pg-reconnect-cap-ms",
	  .type = WB_PARAM_INT,
	  FIELD(reconnect_cap_ms),
	  .def = "5000",
	  .min = 1,
	  .max = 600000,
	  .unit = "ms",
	  .help = "longest wait between two tries to connect (exponential "
	          "from 100 ms, full jitter)" },
};

const size_t wb_pg_params_count = WB_ARRAY_LEN(wb_pg_params_table);
