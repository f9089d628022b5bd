/* Reading a result. All columns come in text format. */
#include "pg/internal.h"

#include "base/attr.h"

#include <limits.h>
#include <stdlib.h>

/* pg_type's numbers, as in arrays.c. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_OID = 26,
	TYPE_UUID = 2950,
	TYPE_XID8 = 5069,
};

static Oid
type_of(const struct wb_pg_result *result, size_t col)
{
	WB_ASSERT(col <= INT_MAX);
	return PQftype(result->res, (int)col);
}

static void
check_place(const struct wb_pg_result *result, size_t row, size_t col)
{
	WB_ASSERT(row < (size_t)PQntuples(result->res));
	WB_ASSERT(col < (size_t)PQnfields(result->res));
}

bool
wb_pg_result_is_good(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_EMPTY_QUERY;
}

size_t
wb_pg_rows(const struct wb_pg_result *result)
{
	return (size_t)PQntuples(result->res);
}

size_t
wb_pg_columns(const struct wb_pg_result *result)
{
	return (size_t)PQnfields(result->res);
}

uint64_t
wb_pg_affected(const struct wb_pg_result *result)
{
	return strtoull(PQcmdTuples(result->res), NULL, 10);
}

bool
wb_pg_is_null(const struct wb_pg_result *result, size_t row, size_t col)
{
	check_place(result, row, col);
	return PQgetisnull(result->res, (int)row, (int)col) != 0;
}

const char *
wb_pg_text(const struct wb_pg_result *result, size_t row, size_t col)
{
	check_place(result, row, col);
	return PQgetvalue(result->res, (int)row, (int)col);
}

size_t
wb_pg_bytes(const struct wb_pg_result *result, size_t row, size_t col)
{
	check_place(result, row, col);
	return (size_t)PQgetlength(result->res, (int)row, (int)col);
}

int64_t
wb_pg_i64(const struct wb_pg_result *result, size_t row, size_t col)
{
	const char *text = wb_pg_text(result, row, col);
	Oid type = type_of(result, col);

	WB_ASSERT(type == TYPE_INT8 || type == TYPE_INT4 || type == TYPE_INT2 ||
	          type == TYPE_OID || type == TYPE_XID8);
	return strtoll(text, NULL, 10); /* "" is 0 */
}

bool
wb_pg_bool(const struct wb_pg_result *result, size_t row, size_t col)
{
	WB_ASSERT(type_of(result, col) == TYPE_BOOL);
	return wb_pg_text(result, row, col)[0] == 't';
}

struct wb_uuid
wb_pg_uuid(const struct wb_pg_result *result, size_t row, size_t col)
{
	const char *text = wb_pg_text(result, row, col);
	struct wb_uuid uuid = { { 0 } };

	WB_ASSERT(type_of(result, col) == TYPE_UUID);
	if (text[0] != '\0' && !wb_uuid_parse(text, &uuid))
		wb_assert_failed("a uuid of Postgres", __FILE__, __LINE__);
	return uuid;
}

static unsigned char
nibble(char c)
{
	return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

const void *
wb_pg_bytea(const struct wb_pg_result *result, size_t row, size_t col,
            size_t *ret_bytes)
{
	const char *text = wb_pg_text(result, row, col);
	size_t bytes = wb_pg_bytes(result, row, col);
	unsigned char *data = NULL;

	WB_ASSERT(type_of(result, col) == TYPE_BYTEA);
	/* "\x00ff": conninfo.c sets bytea_output = hex. */
	bytes = bytes >= 2 ? (bytes - 2) / 2 : 0;
	data = wb_arena_alloc(result->arena, bytes);
	for (size_t i = 0; i < bytes; i++)
		data[i] = (unsigned char)(nibble(text[2 + 2 * i]) << 4 |
		                          nibble(text[3 + 2 * i]));
	*ret_bytes = bytes;
	return data;
}
