/* `waybill audit`: was anything lost, doubled, or left behind? Here: the
 * command. audit/ has what it checks. */
#include "commands.h"

#include "audit/audit.h"

#include "base/attr.h"
#include "base/clock.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct audit_params, name)

static const struct wb_param params_table[] = {
	{ .name = "quiet",
	  .type = WB_PARAM_BOOL,
	  FIELD(is_quiet),
	  .def = "false",
	  .unit = "",
	  .help = "the system is quiet: nothing may be in flight" },
	{ .name = "max-age-ms",
	  .type = WB_PARAM_INT,
	  FIELD(max_age_ms),
	  .def = "600000",
	  .min = 0,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "what is missing counts once it is due for so long" },
	{ .name = "retention-days",
	  .type = WB_PARAM_INT,
	  FIELD(retention_days),
	  .def = "7",
	  .min = 1,
	  .max = 13,
	  .unit = "days",
	  .help = "the relay's: what is older may be purged, so that nothing "
	          "is proved of it" },
	{ .name = "findings",
	  .type = WB_PARAM_INT,
	  FIELD(findings),
	  .def = "10",
	  .min = 1,
	  .max = 10000,
	  .unit = "",
	  .help = "how many are shown of what breaks an invariant" },
	{ .name = "provider-url",
	  .type = WB_PARAM_TEXT,
	  FIELD(provider_url),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "the payment provider simulator, whose books are compared; "
	          "empty: they are not" },
};

/* events comes first: it tells what each consumer is still owed. */
static enum wb_err (*const parts[])(struct audit *, struct wb_note *) = {
	audit_find_kept, audit_events, audit_orders,
	audit_replicas,  audit_tables,
};

static int
run(struct wb_cli *cli, const void *params)
{
	struct audit audit = {
		.cli = cli,
		.params = params,
		.arena = wb_arena_new(),
		.begun_us = wb_mono_us(),
		.begun_wall_ms = wb_wall_us() / 1000,
	};
	struct wb_note note = { "" };
	enum wb_err err = WB_OK;
	bool holds = false;

	for (size_t i = 0; i < WB_ARRAY_LEN(parts) && err == WB_OK; i++)
		err = parts[i](&audit, &note);
	if (err == WB_OK)
		holds = audit_print(&audit);
	audit_fini(&audit);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	return holds ? WB_CLI_DONE : WB_CLI_FAILED;
}

static const struct wb_verb verbs[] = {
	{ .name = "",
	  .arguments = "",
	  .summary = "prove that nothing was lost or doubled",
	  .details = "Compares all databases, the queues and the provider's "
	             "books. It may run\n"
	             "while the system does: what is on its way is no breach "
	             "until it is older than\n"
	             "max-age-ms. Exit status 1 when an invariant is broken. "
	             "docs/audit.md explains\n"
	             "each of them.",
	  .takes = WB_CLI_DATABASES | WB_CLI_BROKER | WB_CLI_MANAGEMENT,
	  .params = params_table,
	  .n_params = WB_ARRAY_LEN(params_table),
	  .params_bytes = sizeof(struct audit_params),
	  .run = run },
};

const struct wb_command wb_command_audit = {
	.name = "audit",
	.summary = "prove that nothing was lost or doubled",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
