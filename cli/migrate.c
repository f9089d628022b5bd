/* `waybill migrate`: brings the schema of the services' databases up to date.
 * Here: which databases; lib/migrate does the work. */
#include "commands.h"
#include "db.h"
#include "services.h"

#include "base/attr.h"
#include "base/mem.h"
#include "migrate/files.h"
#include "migrate/run.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct params {
	char *schema_dir;
	int64_t file_deadline_ms;
};

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param params_table[] = {
	{ .name = "schema-dir",
	  .type = WB_PARAM_TEXT,
	  FIELD(schema_dir),
	  .def = "schema",
	  .min = 1,
	  .max = 4096,
	  .unit = "",
	  .help = "where the folders with the migrations lie" },
	{ .name = "file-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(file_deadline_ms),
	  .def = "600000",
	  .min = 100,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "longest run of one migration; past it, it is rolled back" },
};

static int
migrate(struct wb_cli *cli, const struct params *params, const char *service,
        bool is_status)
{
	struct wb_migration_part parts[2] = { { 0 } };
	const char *const names[2] = { "messaging", service };
	size_t n_parts = strcmp(service, names[0]) == 0 ? 1 : 2;
	struct wb_buf dsn = { 0 };
	struct wb_migrate_job job = {
		.service = service,
		.application_name = "waybill migrate",
		.wait_ms = cli->common.wait_ms,
		.file_deadline_ms = params->file_deadline_ms,
		.is_status = is_status,
		.parts = parts,
		.n_parts = n_parts,
	};
	struct wb_note note = { "" };
	enum wb_err err = wb_db_dsn(cli, service, &dsn, &note);

	for (size_t i = 0; i < n_parts && err == WB_OK; i++)
		err = wb_migration_part_load(&parts[i], params->schema_dir,
		                             names[i], &note);
	job.dsn = dsn.data;
	if (err == WB_OK)
		err = wb_migrate_run(&job, &note);
	for (size_t i = 0; i < n_parts; i++)
		wb_migration_part_fini(&parts[i]);
	wb_buf_fini(&dsn);
	if (err == WB_OK)
		return WB_CLI_DONE;
	wb_cli_complain(cli, "%s: %s", service, note.text);
	return WB_CLI_FAILED;
}

/* Before anything is done: what can be wrong with what was asked for? */
static enum wb_err
check_services(struct wb_cli *cli, const char *const *services, size_t n,
               struct wb_note *note)
{
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < n && err == WB_OK; i++) {
		struct wb_buf dsn = { 0 };

		if (wb_migration_name_is_plain(services[i]))
			err = wb_db_dsn(cli, services[i], &dsn, note);
		else
			err = wb_fail(note, WB_ERR_BAD_CONFIG,
			              "SERVICE is not a plain name");
		wb_buf_fini(&dsn);
	}
	return err;
}

/* One after the other; the first that fails ends it. */
static int
migrate_all(struct wb_cli *cli, const struct params *params, bool is_status)
{
	bool is_all = cli->n_args == 0;
	size_t n = is_all ? WB_N_SERVICES : cli->n_args;
	const char **services = wb_zalloc(n * sizeof(*services));
	struct wb_note note = { "" };
	int status = WB_CLI_DONE;
	enum wb_err err;

	for (size_t i = 0; i < n; i++)
		services[i] = is_all ? wb_services[i].name : cli->args[i];
	err = check_services(cli, services, n, &note);
	if (err != WB_OK)
		status = wb_cli_fail(cli, err, &note);
	for (size_t i = 0; i < n && status == WB_CLI_DONE; i++)
		status = migrate(cli, params, services[i], is_status);
	free(services);
	return status;
}

static int
up(struct wb_cli *cli, const void *params)
{
	return migrate_all(cli, params, false);
}

static int
show_status(struct wb_cli *cli, const void *params)
{
	return migrate_all(cli, params, true);
}

#define COMMON                                                                 \
	.arguments = "[SERVICE...]", .max_args = WB_CLI_ANY_NUMBER,            \
	.takes = WB_CLI_DATABASES, .params = params_table,                     \
	.n_params = WB_ARRAY_LEN(params_table),                                \
	.params_bytes = sizeof(struct params)

static const struct wb_verb verbs[] = {
	{ .name = "up",
	  .summary = "bring databases up to date",
	  .details =
	      "Applies <schema-dir>/messaging/NNN_*.sql, then\n"
	      "<schema-dir>/SERVICE/NNN_*.sql, each once and in a transaction "
	      "of its own, to\nthe database of each SERVICE (of all services, "
	      "when none is named). SERVICE may\nbe messaging.",
	  .run = up,
	  COMMON },
	{ .name = "status",
	  .summary = "show what is applied and what is pending",
	  .run = show_status,
	  COMMON },
};

const struct wb_command wb_command_migrate = {
	.name = "migrate",
	.summary = "bring the databases' schema up to date",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
	.default_verb = "up",
};
