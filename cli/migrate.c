/* `waybill migrate`: brings the schema of one service's database up to date.
 * Here: the parameters; lib/migrate does the work. */
#include "commands.h"

#include "base/params.h"
#include "migrate/files.h"
#include "migrate/run.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct params {
	char *dsn, *schema_dir;
	bool is_status;
	int64_t wait_ms, file_deadline_ms;
};

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param table[] = {
	{ .name = "dsn",
	  .type = WB_PARAM_SECRET,
	  FIELD(dsn),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help =
	      "the service's database, as a libpq connection string or URI; "
	      "without it the database called SERVICE of PGHOST and so on" },
	{ .name = "schema-dir",
	  .type = WB_PARAM_TEXT,
	  FIELD(schema_dir),
	  .def = "schema",
	  .min = 1,
	  .max = 4096,
	  .unit = "",
	  .help = "where the folders with the migrations lie" },
	{ .name = "status",
	  .type = WB_PARAM_BOOL,
	  FIELD(is_status),
	  .def = "false",
	  .unit = "",
	  .help = "only show what is applied and what is pending" },
	{ .name = "wait-ms",
	  .type = WB_PARAM_INT,
	  FIELD(wait_ms),
	  .def = "30000",
	  .min = 100,
	  .max = 3600000,
	  .unit = "ms",
	  .help =
	      "longest wait for the server, and for a migration of the same "
	      "database that runs already" },
	{ .name = "file-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(file_deadline_ms),
	  .def = "600000",
	  .min = 100,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "longest run of one migration; past it, it is rolled back" },
};

static const char usage[] =
    "[--flag=value ...] SERVICE\n"
    "Applies <schema-dir>/messaging/NNN_*.sql, then "
    "<schema-dir>/SERVICE/NNN_*.sql,\n"
    "each once and in a transaction of its own. SERVICE may be messaging.";

static int
complain(const char *text)
{
	(void)fprintf(stderr, "waybill migrate: %s\n", text);
	return 1;
}

static int
migrate(const struct params *params, const char *service)
{
	struct wb_migration_part parts[2] = { { 0 } };
	const char *const names[2] = { "messaging", service };
	size_t n_parts = strcmp(service, names[0]) == 0 ? 1 : 2;
	struct wb_migrate_job job = {
		.dsn = params->dsn,
		.service = service,
		.application_name = "waybill migrate",
		.wait_ms = params->wait_ms,
		.file_deadline_ms = params->file_deadline_ms,
		.is_status = params->is_status,
		.parts = parts,
		.n_parts = n_parts,
	};
	struct wb_note note = { "" };
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < n_parts && err == WB_OK; i++)
		err = wb_migration_part_load(&parts[i], params->schema_dir,
		                             names[i], &note);
	if (err == WB_OK)
		err = wb_migrate_run(&job, &note);
	for (size_t i = 0; i < n_parts; i++)
		wb_migration_part_fini(&parts[i]);
	return err == WB_OK ? 0 : complain(note.text);
}

static int
run(int argc, char **argv)
{
	struct params params = { 0 };
	const struct wb_param_set set = { table, WB_ARRAY_LEN(table), &params };
	int rest = 0, status = 2;

	switch (wb_params_load(&set, 1, usage, argc, argv, &rest)) {
	case WB_PARAMS_SHOWN:
		status = 0;
		break;
	case WB_PARAMS_WRONG:
		break;
	case WB_PARAMS_RUN:
		if (rest + 1 != argc)
			(void)complain("needs one SERVICE");
		else if (!wb_migration_name_is_plain(argv[rest]))
			(void)complain("SERVICE is not a plain name");
		else
			status = migrate(&params, argv[rest]);
		break;
	}
	wb_params_free(&set, 1);
	return status;
}

const struct wb_command wb_command_migrate = {
	.name = "migrate",
	.summary = "bring a database's schema up to date",
	.run = run,
};
