/* `waybill migrate`: brings the schema of the services' databases up to date.
 * Here: which databases; lib/migrate does the work. */
#include "commands.h"
#include "db.h"
#include "list.h"
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

/* What is found or done in one database. */
struct found {
	struct wb_cli *cli;
	const char *service;
	size_t n_applied, n_pending;
	struct wb_buf first_pending;
};

typedef void (*told_fn)(void *arg, const char *part, const char *name,
                        bool is_applied);

/* lib/migrate does the work, with the two folders that belong to a service. */
static enum wb_err
run_job(const struct params *params, bool is_status, told_fn on_migration,
        struct found *found, struct wb_note *note)
{
	struct wb_migration_part parts[2] = { { 0 } };
	const char *const names[2] = { "messaging", found->service };
	struct wb_buf dsn = { 0 };
	struct wb_migrate_job job = {
		.service = found->service,
		.application_name = "waybill migrate",
		.wait_ms = found->cli->common.wait_ms,
		.file_deadline_ms = params->file_deadline_ms,
		.is_status = is_status,
		.on_migration = on_migration,
		.arg = found,
		.parts = parts,
		.n_parts = strcmp(found->service, names[0]) == 0 ? 1 : 2,
	};
	enum wb_err err = wb_db_dsn(found->cli, found->service, &dsn, note);

	for (size_t i = 0; i < job.n_parts && err == WB_OK; i++)
		err = wb_migration_part_load(&parts[i], params->schema_dir,
		                             names[i], note);
	job.dsn = dsn.data;
	if (err == WB_OK)
		err = wb_migrate_run(&job, note);
	for (size_t i = 0; i < job.n_parts; i++)
		wb_migration_part_fini(&parts[i]);
	wb_buf_fini(&dsn);
	return err;
}

static int
complain_of(const struct found *found, const struct wb_note *note)
{
	wb_cli_complain(found->cli, "%s: %s", found->service, note->text);
	return WB_CLI_FAILED;
}

/* ---- which databases ---- */

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

/* Of those that are named, or of all. NULL: something is wrong with them, which
 * has been told. The caller frees it. */
static const char **
choose_services(struct wb_cli *cli, size_t *ret_n)
{
	bool is_all = cli->n_args == 0;
	size_t n = is_all ? WB_N_SERVICES : cli->n_args;
	const char **services = wb_zalloc(n * sizeof(*services));
	struct wb_note note = { "" };
	enum wb_err err;

	for (size_t i = 0; i < n; i++)
		services[i] = is_all ? wb_services[i].name : cli->args[i];
	err = check_services(cli, services, n, &note);
	*ret_n = n;
	if (err == WB_OK)
		return services;
	(void)wb_cli_fail(cli, err, &note);
	free(services);
	return NULL;
}

/* ---- up ---- */

static void
on_applied(void *arg, const char *part, const char *name, bool is_applied)
{
	struct found *found = arg;
	struct wb_json *json = wb_cli_json(found->cli);
	struct wb_buf migration = { 0 };

	(void)is_applied;
	wb_buf_printf(&migration, "%s/%s", part, name);
	wb_json_object(json, NULL);
	wb_json_text(json, "service", found->service);
	wb_json_text(json, "migration", wb_buf_text(&migration));
	wb_json_close(json);
	wb_buf_fini(&migration);
}

/* One after the other; the first that fails ends it. */
static int
up(struct wb_cli *cli, const void *params)
{
	size_t n = 0;
	const char **services = choose_services(cli, &n);
	int status = WB_CLI_DONE;

	if (services == NULL)
		return WB_CLI_USAGE;
	if (cli->is_json)
		wb_json_array(wb_cli_json(cli), "applied");
	for (size_t i = 0; i < n && status == WB_CLI_DONE; i++) {
		struct found found = { .cli = cli, .service = services[i] };
		struct wb_note note = { "" };

		if (run_job(params, false, cli->is_json ? on_applied : NULL,
		            &found, &note) != WB_OK)
			status = complain_of(&found, &note);
	}
	free(services);
	return status;
}

/* ---- status ---- */

static void
on_found(void *arg, const char *part, const char *name, bool is_applied)
{
	struct found *found = arg;

	if (is_applied) {
		found->n_applied++;
		return;
	}
	if (found->n_pending++ == 0)
		wb_buf_printf(&found->first_pending, "%s/%s", part, name);
}

static void
add_row(struct wb_list *list, const struct found *found, const char *error)
{
	wb_list_text(list, found->service);
	if (error != NULL) {
		wb_list_null(list);
		wb_list_null(list);
	} else {
		wb_list_i64(list, (int64_t)found->n_applied);
		if (found->n_pending > 0)
			wb_list_style(list, WB_STYLE_WARN);
		wb_list_i64(list, (int64_t)found->n_pending);
	}
	wb_list_text(list, found->n_pending > 0
	                       ? wb_buf_text(&found->first_pending)
	                       : NULL);
	wb_list_text(list, error);
}

static int
show_one(struct wb_cli *cli, struct wb_list *list, const struct params *params,
         const char *service)
{
	struct found found = { .cli = cli, .service = service };
	struct wb_note note = { "" };
	int status = WB_CLI_DONE;

	if (run_job(params, true, on_found, &found, &note) != WB_OK) {
		add_row(list, &found, note.text);
		status = complain_of(&found, &note);
	} else {
		add_row(list, &found, NULL);
		if (found.n_pending > 0)
			status = WB_CLI_FAILED;
	}
	wb_buf_fini(&found.first_pending);
	return status;
}

static int
show_status(struct wb_cli *cli, const void *params)
{
	static const struct wb_column columns[] = {
		{ .key = "service", .title = "SERVICE" },
		{ .key = "applied", .title = "APPLIED", .is_right = true },
		{ .key = "pending", .title = "PENDING", .is_right = true },
		{ .key = "next", .title = "NEXT" },
		{ .key = "error" },
	};
	size_t n = 0;
	const char **services = choose_services(cli, &n);
	struct wb_list *list;
	int status = WB_CLI_DONE;

	if (services == NULL)
		return WB_CLI_USAGE;
	list = wb_list_new(cli, "services", columns, WB_ARRAY_LEN(columns));
	for (size_t i = 0; i < n; i++)
		if (show_one(cli, list, params, services[i]) != WB_CLI_DONE)
			status = WB_CLI_FAILED;
	wb_list_end(list, NULL);
	free(services);
	return status;
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
	  .summary = "show how much is applied and what is pending",
	  .details = "Changes nothing. Exit status 1: something is pending, or "
	             "could not be told.",
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
