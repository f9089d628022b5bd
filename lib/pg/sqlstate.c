/* SQLSTATE -> what it means for the work in hand and for the session. */
#include "pg/internal.h"

#include "base/attr.h"

#include <string.h>

struct row {
	const char *prefix; /* of the SQLSTATE; the first that fits wins */
	enum wb_err err;
	bool drops;
};

/* Source: "PostgreSQL Error Codes", appendix A. */
static const struct row rows[] = {
	{ "08", WB_ERR_DB_LOST, true },         /* connection exceptions */
	{ "25006", WB_ERR_DB_LOST, true },      /* read-only: on a standby */
	{ "25P03", WB_ERR_DB_LOST, true },      /* idle in transaction */
	{ "25P04", WB_ERR_DB_TIMEOUT, true },   /* transaction_timeout */
	{ "26000", WB_ERR_DB_LOST, true },      /* our prepared one is gone */
	{ "42P05", WB_ERR_DB_LOST, true },      /* prepared by someone else */
	{ "40003", WB_ERR_DB_LOST, true },      /* completion unknown */
	{ "42501", WB_ERR_DB_SCHEMA, false },   /* no privilege */
	{ "42883", WB_ERR_DB_SCHEMA, false },   /* no such function, */
	{ "42P01", WB_ERR_DB_SCHEMA, false },   /* table, */
	{ "42703", WB_ERR_DB_SCHEMA, false },   /* column, */
	{ "3F000", WB_ERR_DB_SCHEMA, false },   /* schema: not migrated? */
	{ "40001", WB_ERR_DB_CONFLICT, false }, /* serialization failure */
	{ "40P01", WB_ERR_DB_CONFLICT, false }, /* deadlock */
	{ "55P03", WB_ERR_DB_CONFLICT, false }, /* lock_timeout */
	{ "53200", WB_ERR_DB_ERROR, false },    /* out of memory: our doing? */
	{ "53", WB_ERR_DB_LOST, false },        /* disk, connections */
	{ "57014", WB_ERR_DB_TIMEOUT, false },  /* statement_timeout */
	{ "57P", WB_ERR_DB_LOST, true },        /* shut down, starting up */
	{ "58", WB_ERR_DB_LOST, false },        /* the server's own I/O */
};

struct wb_pg_meaning
wb_pg_sqlstate_meaning(const char *sqlstate)
{
	if (sqlstate[0] == '\0')
		return (struct wb_pg_meaning){ WB_ERR_DB_LOST, true };
	for (size_t i = 0; i < WB_ARRAY_LEN(rows); i++)
		if (strncmp(sqlstate, rows[i].prefix, strlen(rows[i].prefix)) ==
		    0)
			return (struct wb_pg_meaning){ rows[i].err,
				                       rows[i].drops };
	return (struct wb_pg_meaning){ WB_ERR_DB_ERROR, false };
}

static const char *
field_of(const PGresult *res, int field)
{
	const char *text = PQresultErrorField(res, field);

	return text != NULL ? text : "";
}

struct wb_pg_meaning
wb_pg_result_meaning(const PGresult *res)
{
	const char *sqlstate = field_of(res, PG_DIAG_SQLSTATE);
	const char *severity = field_of(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct wb_pg_meaning meaning = wb_pg_sqlstate_meaning(sqlstate);

	/* "cached plan must not change result type", after a migration: only
	 * the function's name tells it from a feature that is missing. */
	if (strcmp(sqlstate, "0A000") == 0 &&
	    strcmp(field_of(res, PG_DIAG_SOURCE_FUNCTION),
	           "RevalidateCachedQuery") == 0)
		meaning = (struct wb_pg_meaning){ WB_ERR_DB_CONFLICT, true };
	if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)
		meaning.drops = true;
	return meaning;
}
