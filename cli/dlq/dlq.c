/* `waybill dlq`: the rows of its verbs and their parameters. */
#include "commands.h"
#include "verbs.h"

#include "base/attr.h"

#include <stddef.h>

#define LIMIT                                                                  \
	{                                                                      \
		.name = "limit", .type = WB_PARAM_INT,                         \
		.offset = offsetof(struct wb_dlq_look_params, limit),          \
		.def = "20", .min = 1, .max = 1000000, .unit = "messages",     \
		.help = "how many are shown"                                   \
	}

static const struct wb_param list_params[] = {
	WB_FILTER_PARAMS(struct wb_dlq_look_params),
};

static const struct wb_param peek_params[] = {
	WB_FILTER_PARAMS(struct wb_dlq_look_params),
	LIMIT,
};

#define JOB(field) .offset = offsetof(struct wb_dlq_job_params, field)

#define WHO                                                                    \
	{                                                                      \
		.name = "who", .type = WB_PARAM_TEXT, JOB(who), .def = "",     \
		.max = 200, .unit = "",                                        \
		.help = "who does this, for the journal and the messages' "    \
		        "headers; "                                            \
		        "empty: login@host"                                    \
	}

#define DRY_RUN                                                                \
	{                                                                      \
		.name = "dry-run", .type = WB_PARAM_BOOL, JOB(is_dry_run),     \
		.def = "false", .unit = "",                                    \
		.help = "only show what it would be about"                     \
	}

/* verdict-ms and memory-mib */
#define PATIENCE                                                               \
	{ .name = "verdict-ms",                                                \
	  .type = WB_PARAM_INT,                                                \
	  JOB(verdict_ms),                                                     \
	  .def = "30000",                                                      \
	  .min = 100,                                                          \
	  .max = 86400000,                                                     \
	  .unit = "ms",                                                        \
	  .help = "longest wait for the next verdict of the consumer: a "      \
		  "canary without one stops, and a job that has sent all "     \
		  "ends" },                                                    \
	{                                                                      \
		.name = "memory-mib", .type = WB_PARAM_INT, JOB(memory_mib),   \
		.def = "256", .min = 1, .max = 65536, .unit = "MiB",           \
		.help = "most memory for messages; of a selection that is "    \
		        "larger, the rest is read again"                       \
	}

static const struct wb_param replay_params[] = {
	WB_FILTER_PARAMS(struct wb_dlq_job_params),
	DRY_RUN,
	{ .name = "canary",
	  .type = WB_PARAM_INT,
	  JOB(canary),
	  .def = "0",
	  .min = 0,
	  .max = 1000000,
	  .unit = "messages",
	  .help =
	      "send so many first, and the rest only if none of them (or no "
	      "more than --stop-above) fails again" },
	{ .name = "rate",
	  .type = WB_PARAM_INT,
	  JOB(rate),
	  .def = "-1",
	  .min = -1,
	  .max = 1000000,
	  .unit = "messages/s",
	  .help =
	      "no faster than this; 0: no limit; -1: none, or with --resume "
	      "as before" },
	{ .name = "stop-above",
	  .type = WB_PARAM_INT,
	  JOB(stop_above),
	  .def = "-1",
	  .min = -1,
	  .max = 100,
	  .unit = "%",
	  .help = "pause when more than this share of the verdicts is \"failed "
	          "again\"; -1: never, or with --resume as before" },
	{ .name = "resume",
	  .type = WB_PARAM_TEXT,
	  JOB(resume),
	  .def = "",
	  .max = 80,
	  .unit = "",
	  .help = "go on with this job, which was paused or killed" },
	{ .name = "cancel",
	  .type = WB_PARAM_TEXT,
	  JOB(cancel),
	  .def = "",
	  .max = 80,
	  .unit = "",
	  .help = "end this job; what it has not sent stays where it is" },
	WHO,
	PATIENCE,
};

static const struct wb_param edit_params[] = {
	WB_FILTER_PARAMS(struct wb_dlq_job_params),
	{ .name = "schema-dir",
	  .type = WB_PARAM_TEXT,
	  JOB(schema_dir),
	  .def = "schema",
	  .min = 1,
	  .max = 4096,
	  .unit = "",
	  .help = "where the folder events/ with the JSON Schemas lies" },
	WHO,
	PATIENCE,
};

static const struct wb_param discard_params[] = {
	WB_FILTER_PARAMS(struct wb_dlq_job_params),
	DRY_RUN,
	{ .name = "reason",
	  .type = WB_PARAM_TEXT,
	  JOB(reason),
	  .def = "",
	  .max = 1000,
	  .unit = "",
	  .help = "why; kept in the journal with the messages" },
	WHO,
	PATIENCE,
};

static const struct wb_param export_params[] = {
	WB_FILTER_PARAMS(struct wb_dlq_export_params),
	{ .name = "job",
	  .type = WB_PARAM_TEXT,
	  .offset = offsetof(struct wb_dlq_export_params, job),
	  .def = "",
	  .max = 80,
	  .unit = "",
	  .help =
	      "not from the queues, but what this job (discard or edit) has "
	      "kept" },
};

#define PARAMS(table, type)                                                    \
	.params = (table), .n_params = WB_ARRAY_LEN(table),                    \
	.params_bytes = sizeof(type)

static const struct wb_verb verbs[] = {
	{ .name = "list",
	  .arguments = "",
	  .summary = "show the dead-letter queues and their failure groups",
	  .details = "Looking changes nothing: every message stays, in order.",
	  .takes = WB_CLI_BROKER,
	  PARAMS(list_params, struct wb_dlq_look_params),
	  .run = wb_dlq_list },
	{ .name = "peek",
	  .arguments = "",
	  .summary = "show dead letters, a line each",
	  .takes = WB_CLI_BROKER,
	  PARAMS(peek_params, struct wb_dlq_look_params),
	  .run = wb_dlq_peek },
	{ .name = "show",
	  .arguments = "ID",
	  .summary = "show one dead letter as a whole, and its order's trace",
	  .min_args = 1,
	  .max_args = 1,
	  .takes = WB_CLI_BROKER | WB_CLI_DATABASES,
	  PARAMS(list_params, struct wb_dlq_look_params),
	  .run = wb_dlq_show },
	{ .name = "replay",
	  .arguments = "[ID]",
	  .summary = "send dead letters back to their consumer, as a safe job",
	  .details =
	      "What lies there when the job begins is its selection; what is\n"
	      "dead-lettered later is not touched. A message gets one "
	      "attempt.\n"
	      "Ctrl-C pauses. Whatever kills the job, --resume goes on with "
	      "it,\n"
	      "and nothing is lost or takes effect twice.",
	  .max_args = 1,
	  .takes = WB_CLI_BROKER | WB_CLI_DATABASES,
	  PARAMS(replay_params, struct wb_dlq_job_params),
	  .run = wb_dlq_replay },
	{ .name = "edit",
	  .arguments = "ID",
	  .summary = "correct a dead letter in $EDITOR, then send it",
	  .details =
	      "It must fit the schema of its event type. The original is "
	      "kept.",
	  .min_args = 1,
	  .max_args = 1,
	  .takes = WB_CLI_BROKER | WB_CLI_DATABASES,
	  PARAMS(edit_params, struct wb_dlq_job_params),
	  .run = wb_dlq_edit },
	{ .name = "discard",
	  .arguments = "[ID]",
	  .summary = "give dead letters up, and keep a copy in the journal",
	  .details = "Had back by: waybill dlq export --job=JOB | waybill dlq "
	             "import -",
	  .max_args = 1,
	  .takes = WB_CLI_BROKER | WB_CLI_DATABASES,
	  PARAMS(discard_params, struct wb_dlq_job_params),
	  .run = wb_dlq_discard },
	{ .name = "export",
	  .arguments = "",
	  .summary = "print whole dead letters as JSON lines",
	  .takes = WB_CLI_BROKER | WB_CLI_DATABASES,
	  PARAMS(export_params, struct wb_dlq_export_params),
	  .run = wb_dlq_export },
	{ .name = "import",
	  .arguments = "FILE",
	  .summary = "put exported letters back into their dead-letter queues",
	  .details = "FILE may be - for stdin. What lies there already is left "
	             "out.",
	  .min_args = 1,
	  .max_args = 1,
	  .takes = WB_CLI_BROKER,
	  .run = wb_dlq_import },
	{ .name = "jobs",
	  .arguments = "[JOB]",
	  .summary = "show the journal: who did what, and what became of it",
	  .max_args = 1,
	  .takes = WB_CLI_DATABASES,
	  .run = wb_dlq_jobs },
};

const struct wb_command wb_command_dlq = {
	.name = "dlq",
	.summary = "dead letters: look, replay, edit, discard",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
