/* The parameters that verbs share. */
#include "cli.h"

#include "base/attr.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct wb_cli_common, name)

static const struct wb_param every_verb[] = {
	{ .name = "json",
	  .type = WB_PARAM_BOOL,
	  FIELD(is_json),
	  .def = "false",
	  .unit = "",
	  .help = "print JSON, for programs" },
	{ .name = "wait-ms",
	  .type = WB_PARAM_INT,
	  FIELD(wait_ms),
	  .def = "30000",
	  .min = 100,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "longest wait for a server that can't be reached (yet), and "
	          "for its answers" },
};

static const struct wb_param databases[] = {
	{ .name = "dsn",
	  .type = WB_PARAM_SECRET,
	  FIELD(dsn),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "Postgres, as a libpq connection string or URI; what it "
	          "leaves out comes from PGHOST and so on. The database is "
	          "called as the service, unless this names one" },
	{ .name = "databases",
	  .type = WB_PARAM_SECRET,
	  FIELD(databases),
	  .def = "",
	  .max = 16384,
	  .unit = "",
	  .help = "databases that lie elsewhere or are called otherwise: "
	          "SERVICE=URI SERVICE=URI …" },
	{ .name = "statement-timeout-ms",
	  .type = WB_PARAM_INT,
	  FIELD(statement_timeout_ms),
	  .def = "60000",
	  .min = 0,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "Postgres ends a statement that runs longer; 0 = never" },
};

static const struct wb_param management[] = {
	{ .name = "management-url",
	  .type = WB_PARAM_SECRET,
	  FIELD(management_url),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "the broker's management API, "
	          "http[s]://user:password@host:port, as an administrator" },
};

size_t
wb_cli_sets(const struct wb_verb *verb, struct wb_cli *cli, void *verb_params,
            struct wb_param_set ret_sets[WB_CLI_MAX_SETS])
{
	size_t n = 0;

	if (verb->n_params > 0)
		ret_sets[n++] =
		    (struct wb_param_set){ verb->params, verb->n_params,
			                   verb_params };
	ret_sets[n++] =
	    (struct wb_param_set){ every_verb, WB_ARRAY_LEN(every_verb),
		                   &cli->common };
	if (verb->takes & WB_CLI_DATABASES)
		ret_sets[n++] =
		    (struct wb_param_set){ databases, WB_ARRAY_LEN(databases),
			                   &cli->common };
	if (verb->takes & WB_CLI_MANAGEMENT)
		ret_sets[n++] =
		    (struct wb_param_set){ management, WB_ARRAY_LEN(management),
			                   &cli->common };
	if (verb->takes & WB_CLI_BROKER)
		ret_sets[n++] =
		    (struct wb_param_set){ wb_amqp_params_table,
			                   wb_amqp_params_count, &cli->amqp };
	return n;
}
