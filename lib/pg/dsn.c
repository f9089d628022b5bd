#include "pg/dsn.h"

#include "pg/internal.h"

#include <string.h>

/* libpq's own quoting: in single quotes, with \' and \\. */
static void
add_option(struct wb_buf *dsn, const char *keyword, const char *value)
{
	wb_buf_printf(dsn, "%s%s='", dsn->len > 0 ? " " : "", keyword);
	for (; *value != '\0'; value++)
		wb_buf_printf(dsn, "%s%c",
		              *value == '\'' || *value == '\\' ? "\\" : "",
		              *value);
	wb_buf_adds(dsn, "'");
}

enum wb_err
wb_pg_dsn_with_database(const char *dsn, const char *name,
                        struct wb_buf *ret_dsn, bool *ret_is_named,
                        struct wb_note *note)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	bool is_named = false;

	if (options == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "no libpq connection string or URI");
	for (const PQconninfoOption *option = options; option->keyword != NULL;
	     option++) {
		if (option->val == NULL)
			continue;
		if (strcmp(option->keyword, "dbname") == 0)
			is_named = true;
		add_option(ret_dsn, option->keyword, option->val);
	}
	if (!is_named)
		add_option(ret_dsn, "dbname", name);
	*ret_is_named = is_named;
	PQconninfoFree(options);
	return WB_OK;
}

enum wb_err
wb_pg_dsn_database(const char *dsn, struct wb_buf *ret_name,
                   struct wb_note *note)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);

	if (options == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "dsn: no libpq connection string or URI");
	for (const PQconninfoOption *option = options; option->keyword != NULL;
	     option++)
		if (option->val != NULL &&
		    strcmp(option->keyword, "dbname") == 0)
			wb_buf_adds(ret_name, option->val);
	PQconninfoFree(options);
	return WB_OK;
}
