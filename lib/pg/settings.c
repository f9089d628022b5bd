/* Settings, in two forms: for a session of our own, and for one transaction on
 * a session that a pooler lends. */
#include "pg/internal.h"

#include "base/attr.h"

#include <inttypes.h>
#include <string.h>

void
wb_pg_settings_fini(struct wb_pg_settings *settings)
{
	wb_buf_fini(&settings->session);
	wb_buf_fini(&settings->local);
}

void
wb_pg_settings_init(struct wb_pg_settings *settings,
                    const struct wb_pg_params *params)
{
	/* What the DSN's options say wins over ours. Through a pooler they do
	 * not arrive. */
	wb_buf_printf(&settings->session,
	              "SELECT set_config('statement_timeout', '%" PRId64
	              "', false) FROM pg_settings "
	              "WHERE name = 'statement_timeout' AND source <> 'client'"
	              "; SELECT true",
	              params->statement_timeout_ms);
	wb_buf_printf(&settings->local,
	              "SELECT set_config('statement_timeout', '%" PRId64
	              "', true)",
	              params->statement_timeout_ms);
	/* The form of bytea that result.c reads. */
	wb_pg_settings_add(settings, "bytea_output", "hex");
}

void
wb_pg_settings_add(struct wb_pg_settings *settings, const char *name,
                   const char *value)
{
	WB_ASSERT(strpbrk(name, "'\\") == NULL);
	WB_ASSERT(strpbrk(value, "'\\") == NULL);
	wb_buf_printf(&settings->session, ", set_config('%s', '%s', false)",
	              name, value);
	/* plan_cache_mode is for prepared statements. A pooled connection has
	 * none: its plans are made for the values at hand, which costs less
	 * where these leave out partitions. */
	if (strcmp(name, "plan_cache_mode") != 0)
		wb_buf_printf(&settings->local,
		              ", set_config('%s', '%s', true)", name, value);
	settings->local_stmt = (struct wb_pg_stmt){
		.name = "wb_settings",
		.sql = wb_buf_text(&settings->local),
	};
}

void
wb_pg_pin_plans(struct wb_pg *pg)
{
	/* Not the hash joins: two sets of the batch at hand may need one. What
	 * keeps them away from tables is that reading a page of an index costs
	 * next to nothing, and reading all of its rows does not. */
	static const struct {
		const char *name, *value;
	} settings[] = {
		{ "enable_seqscan", "off" },
		{ "enable_bitmapscan", "off" },
		{ "random_page_cost", "0.1" },
		/* For a sequential scan's price it would compile. */
		{ "jit", "off" },
		/* Made once: one that names all partitions looks dearer than
		 * one for the values at hand, but is not. */
		{ "plan_cache_mode", "force_generic_plan" },
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(settings); i++)
		wb_pg_setting(pg, settings[i].name, settings[i].value);
}
