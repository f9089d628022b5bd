/* `waybill outbox`: the rows of its verbs and their parameters. */
#include "commands.h"
#include "verbs.h"

#include "base/attr.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct wb_outbox_params, name)

#define TYPE                                                                   \
	{                                                                      \
		.name = "type", .type = WB_PARAM_TEXT, FIELD(type), .def = "", \
		.max = 255, .unit = "",                                        \
		.help = "only those of this event type (of a delivery: with "  \
		        "this routing key)"                                    \
	}

#define ALL                                                                    \
	{                                                                      \
		.name = "all", .type = WB_PARAM_BOOL, FIELD(is_all),           \
		.def = "false", .unit = "",                                    \
		.help = "everything that is parked, in the databases of "      \
		        "SERVICE... or in all"                                 \
	}

static const struct wb_param parked_params[] = {
	TYPE,
	{ .name = "limit",
	  .type = WB_PARAM_INT,
	  FIELD(limit),
	  .def = "100",
	  .min = 1,
	  .max = 10000000,
	  .unit = "rows",
	  .help = "how many are shown of each database, the oldest first" },
};

static const struct wb_param retry_params[] = { TYPE, ALL };

static const struct wb_param discard_params[] = {
	TYPE,
	ALL,
	{ .name = "reason",
	  .type = WB_PARAM_TEXT,
	  FIELD(reason),
	  .def = "",
	  .max = 2000,
	  .unit = "",
	  .help = "why, for those who ask later; needed" },
	{ .name = "who",
	  .type = WB_PARAM_TEXT,
	  FIELD(who),
	  .def = "",
	  .max = 200,
	  .unit = "",
	  .help = "who does this; empty: login@host" },
};

#define OWN_PARAMS(table)                                                      \
	.params = (table), .n_params = WB_ARRAY_LEN(table),                    \
	.params_bytes = sizeof(struct wb_outbox_params)

#define DATABASES                                                              \
	"SERVICE is a service, or a database anywhere that has an outbox; "    \
	"without one it\nis the database that --dsn names, else all services."

static const struct wb_verb verbs[] = {
	{ .name = "list",
	  .arguments = "[SERVICE...]",
	  .max_args = WB_CLI_ANY_NUMBER,
	  .summary = "show how much waits, how long, and who holds it up",
	  .details =
	      "EVENTS wait to be published, the oldest since OLDEST; of them, "
	      "HELD were refused\nby the broker and are tried again, or wait "
	      "for such a one of their aggregate.\nDeliveries (retries, dead "
	      "letters) are DUE or SCHEDULED. PARKED waits for you.\nOPEN, PID "
	      "and BY: the oldest transaction, if it is older than a "
	      "second.\n" DATABASES,
	  .takes = WB_CLI_DATABASES,
	  .run = wb_outbox_list },
	{ .name = "parked",
	  .arguments = "[SERVICE...]",
	  .max_args = WB_CLI_ANY_NUMBER,
	  .summary = "show what the broker would not take, and why",
	  .details = "BEHIND: so many events of the same aggregate wait for "
	             "it.\n" DATABASES,
	  .takes = WB_CLI_DATABASES,
	  OWN_PARAMS(parked_params),
	  .run = wb_outbox_parked },
	{ .name = "show",
	  .arguments = "ID",
	  .min_args = 1,
	  .max_args = 1,
	  .summary = "show a parked row as a whole",
	  .takes = WB_CLI_DATABASES,
	  .run = wb_outbox_show },
	{ .name = "retry",
	  .arguments = "ID... | --all [SERVICE...]",
	  .max_args = WB_CLI_ANY_NUMBER,
	  .summary = "have parked rows tried again, from their first attempt",
	  .details = "Events that wait behind one follow it in order.",
	  .takes = WB_CLI_DATABASES,
	  OWN_PARAMS(retry_params),
	  .run = wb_outbox_retry },
	{ .name = "discard",
	  .arguments = "ID... | --all [SERVICE...]",
	  .max_args = WB_CLI_ANY_NUMBER,
	  .summary = "give parked rows up for good; needs --reason",
	  .details =
	      "Consumers then see a gap in the sequence of an aggregate. Who "
	      "did it and why\nstays in outbox_discarded (of a delivery: in "
	      "its "
	      "reason), and the row itself in\nits table, as long as the relay "
	      "keeps what is published (--retention-days).",
	  .takes = WB_CLI_DATABASES,
	  OWN_PARAMS(discard_params),
	  .run = wb_outbox_discard },
};

const struct wb_command wb_command_outbox = {
	.name = "outbox",
	.summary = "how much waits to be published, and what was parked",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
	.default_verb = "list",
};
