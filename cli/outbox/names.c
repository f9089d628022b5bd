#include "names.h"

#include "migrate/files.h"
#include "pg/dsn.h"
#include "services.h"

#include <string.h>

void
wb_outbox_names_fini(struct wb_outbox_names *names)
{
	wb_buf_fini(&names->own);
}

static enum wb_err
add_name(struct wb_outbox_names *names, const char *name, struct wb_note *note)
{
	if (!wb_migration_name_is_plain(name))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "SERVICE is not a plain name");
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->list[i], name) == 0)
			return wb_fail(note, WB_ERR_BAD_CONFIG,
			               "%s is named twice", name);
	if (names->n == WB_OUTBOX_MAX_NAMES)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "more than %d databases at once",
		               WB_OUTBOX_MAX_NAMES);
	names->list[names->n++] = name;
	return WB_OK;
}

enum wb_err
wb_outbox_names_init(struct wb_outbox_names *names, const struct wb_cli *cli,
                     struct wb_note *note)
{
	enum wb_err err = WB_OK;

	*names = (struct wb_outbox_names){ 0 };
	for (size_t i = 0; i < cli->n_args && err == WB_OK; i++)
		err = add_name(names, cli->args[i], note);
	if (cli->n_args > 0)
		return err;
	err = wb_pg_dsn_database(cli->common.dsn, &names->own, note);
	if (err != WB_OK)
		return err;
	if (names->own.len > 0) {
		names->list[names->n++] = wb_buf_text(&names->own);
		return WB_OK;
	}
	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		err = add_name(names, wb_services[i].name, note);
	return err;
}
