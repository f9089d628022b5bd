/* The migrations of schema/messaging/, which are part of this binary, applied
 * as `waybill migrate messaging` does. */
#include "install.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/log.h"
#include "migrate/messaging.h"
#include "migrate/run.h"

#define FIELD(name) .offset = offsetof(struct install_params, name)

const struct wb_param install_params_table[] = {
	{ .name = "install",
	  .type = WB_PARAM_SECRET,
	  FIELD(dsn),
	  .def = "",
	  .max = 4096,
	  .unit = "",
	  .help = "only create or update the outbox tables in this database (a "
	          "libpq connection string or URI) and leave" },
	{ .name = "install-role",
	  .type = WB_PARAM_TEXT,
	  FIELD(role),
	  .def = "",
	  .max = 63,
	  .unit = "",
	  .help = "with install: the role that the relay logs in as, which is "
	          "granted what it needs; empty: none" },
	{ .name = "install-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(deadline_ms),
	  .def = "30000",
	  .min = 100,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "with install: longest wait for the server and for another "
	          "installation, and longest run of each step" },
};

const size_t install_params_count = WB_ARRAY_LEN(install_params_table);

static int
complain(const char *text, int status)
{
	(void)fprintf(stderr, "outbox-relay: %s\n", text);
	return status;
}

static int
install(const struct install_params *params)
{
	struct wb_migration_part part = { 0 };
	const struct wb_migrate_job job = {
		.dsn = params->dsn,
		.service = "messaging",
		.application_name = "outbox-relay install",
		.wait_ms = params->deadline_ms,
		.file_deadline_ms = params->deadline_ms,
		.parts = &part,
		.n_parts = 1,
		.grant = "outbox_grant_relay",
		.grant_to = params->role[0] != '\0' ? params->role : NULL,
	};
	struct wb_note note = { "" };
	enum wb_err err =
	    wb_migration_part_build(&part, "messaging", wb_messaging_files,
	                            wb_messaging_n_files, &note);

	/* The note says what failed, in one line. */
	wb_log_setup("outbox-relay", WB_LOG_ERROR);
	if (err == WB_OK)
		err = wb_migrate_run(&job, &note);
	wb_migration_part_fini(&part);
	return err == WB_OK ? 0 : complain(note.text, 1);
}

bool
install_run(const struct install_params *params, int *ret_status)
{
	if (params->dsn[0] != '\0')
		*ret_status = install(params);
	else if (params->role[0] != '\0')
		*ret_status =
		    complain("install-role is for use with install", 2);
	else
		return false;
	return true;
}
