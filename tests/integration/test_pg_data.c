/* Parameters and results: every type there and back on a real Postgres. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/pg_fixture.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char database[64];

typedef void (*check_fn)(const struct wb_pg_result *result);

struct fixture {
	struct wb_test_conn conn;
	struct wb_loop *loop;
	char *dsn;
	struct wb_pg_args *args;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = wb_loop_new();
	f->dsn = wb_test_pg_dsn_of(database);
	f->args = wb_pg_args_new();
	wb_test_conn_params(&f->conn, f->dsn);
	wb_test_conn_open(&f->conn, f->loop, "tested", NULL);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	wb_test_conn_close(&f->conn);
	wb_pg_args_free(f->args);
	wb_loop_free(f->loop);
	free(f->dsn);
	free(f);
	return 0;
}

/* Calls through an object: a function does not fit into a void *. */
static void
call_check(const struct wb_pg_result *result, void *arg)
{
	const check_fn *check = arg;

	(*check)(result);
}

/* Runs one statement with f->args; check must have been called. */
static void
run(struct fixture *f, const char *name, const char *sql, check_fn check)
{
	const struct wb_pg_stmt stmt = { .name = name, .sql = sql };
	struct wb_tx *tx = wb_tx_begin(f->conn.pg, wb_test_on_done, &f->conn);

	wb_tx_query(tx, &stmt, f->args, check != NULL ? call_check : NULL,
	            &check);
	wb_tx_commit(tx);
	assert_true(
	    wb_test_run_until(f->loop, &f->conn.n_done, f->conn.n_done + 1));
}

static void
run_well(struct fixture *f, const char *name, const char *sql, check_fn check)
{
	run(f, name, sql, check);
	assert_string_equal(f->conn.message, "");
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
}

static struct wb_uuid
uuid_of(const char *text)
{
	struct wb_uuid uuid;

	assert_true(wb_uuid_parse(text, &uuid));
	return uuid;
}

#define UUID_A "0193464e-5e88-7000-8000-0000000000aa"
#define UUID_B "0193464e-5e88-7000-bfff-ffffffffffff"

/* ---- scalars ---- */

static void
check_scalars(const struct wb_pg_result *result)
{
	struct wb_uuid a = uuid_of(UUID_A), got = wb_pg_uuid(result, 0, 4);
	size_t bytes = 0;

	assert_int_equal(wb_pg_rows(result), 1);
	assert_string_equal(wb_pg_text(result, 0, 0), "Grüße, 'x' \\");
	assert_int_equal(wb_pg_bytes(result, 0, 0), strlen("Grüße, 'x' \\"));
	assert_true(wb_pg_i64(result, 0, 1) == INT64_MIN);
	assert_int_equal(wb_pg_i64(result, 0, 2), -2147483647 - 1);
	assert_true(wb_pg_bool(result, 0, 3));
	assert_int_equal(wb_uuid_compare(&got, &a), 0);
	assert_memory_equal(wb_pg_bytea(result, 0, 5, &bytes), "\0\xff\0z", 4);
	assert_int_equal(bytes, 4);
	assert_string_equal(wb_pg_text(result, 0, 6), "{\"a\": [1, 2]}");
	assert_string_equal(wb_pg_text(result, 0, 7), "1234.50");
	(void)wb_pg_bytea(result, 0, 8, &bytes);
	assert_int_equal(bytes, 0);
	assert_false(wb_pg_is_null(result, 0, 8));
}

static void
scalars(void **state)
{
	struct fixture *f = *state;
	struct wb_uuid a = uuid_of(UUID_A);

	wb_pg_arg_text(f->args, "Grüße, 'x' \\");
	wb_pg_arg_i64(f->args, INT64_MIN);
	wb_pg_arg_i32(f->args, INT32_MIN);
	wb_pg_arg_bool(f->args, true);
	wb_pg_arg_uuid(f->args, &a);
	wb_pg_arg_bytea(f->args, "\0\xff\0z", 4);
	wb_pg_arg_text_n(f->args, "{\"a\":[1,2]}, and more", 11);
	wb_pg_arg_text(f->args, "1234.50");
	wb_pg_arg_bytea(f->args, NULL, 0);
	run_well(f, "scalars",
	         "SELECT $1::text, $2::bigint, $3::int, $4::bool, $5::uuid,"
	         " $6::bytea, $7::jsonb, $8::numeric, $9::bytea",
	         check_scalars);
}

static void
check_nulls(const struct wb_pg_result *result)
{
	struct wb_uuid got = wb_pg_uuid(result, 0, 1);
	size_t bytes = 1;

	for (size_t col = 0; col < 5; col++)
		assert_true(wb_pg_is_null(result, 0, col));
	assert_string_equal(wb_pg_text(result, 0, 0), "");
	assert_true(wb_uuid_is_nil(&got));
	assert_int_equal(wb_pg_i64(result, 0, 2), 0);
	assert_false(wb_pg_bool(result, 0, 3));
	(void)wb_pg_bytea(result, 0, 4, &bytes);
	assert_int_equal(bytes, 0);
}

static void
nulls(void **state)
{
	struct fixture *f = *state;

	wb_pg_arg_text(f->args, NULL);
	wb_pg_arg_uuid(f->args, NULL);
	wb_pg_arg_text_n(f->args, NULL, 0);
	run_well(f, "nulls",
	         "SELECT $1::text, $2::uuid, $3::bigint, NULL::bool,"
	         " NULL::bytea",
	         check_nulls);
}

/* Refused, not cut off. */
static void
text_with_a_nul(void **state)
{
	struct fixture *f = *state;

	wb_pg_arg_text_n(f->args, "a\0b", 3);
	run(f, "nul", "SELECT $1::text", NULL);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "22021");
}

static void
check_affected(const struct wb_pg_result *result)
{
	assert_int_equal(wb_pg_rows(result), 0);
	assert_int_equal(wb_pg_affected(result), 1234);
}

static void
affected_rows(void **state)
{
	struct fixture *f = *state;

	wb_test_script(&f->conn, "CREATE TEMP TABLE many (id bigint)");
	run_well(f, "affected",
	         "INSERT INTO many SELECT generate_series(1, 1234)",
	         check_affected);
}

/* ---- arrays ---- */

static void
check_arrays(const struct wb_pg_result *result)
{
	struct wb_uuid b = uuid_of(UUID_B), got = wb_pg_uuid(result, 1, 4);
	size_t bytes = 0;

	assert_int_equal(wb_pg_rows(result), 3);
	assert_string_equal(wb_pg_text(result, 0, 0), "");
	assert_false(wb_pg_is_null(result, 0, 0));
	assert_string_equal(wb_pg_text(result, 1, 0), "{\"NULL\", \\}");
	assert_int_equal(wb_pg_i64(result, 0, 1), -1);
	assert_true(wb_pg_i64(result, 1, 2) == INT64_MAX);
	assert_true(wb_pg_bool(result, 0, 3));
	assert_false(wb_pg_bool(result, 1, 3));
	assert_int_equal(wb_uuid_compare(&got, &b), 0);
	assert_string_equal(wb_pg_text(result, 1, 5), "{\"k\":  [null]}");
	assert_memory_equal(wb_pg_bytea(result, 0, 6, &bytes), "\0\0\x01", 3);
	assert_int_equal(bytes, 3);
	(void)wb_pg_bytea(result, 1, 6, &bytes);
	assert_int_equal(bytes, 0);
	assert_false(wb_pg_is_null(result, 1, 6));
	assert_string_equal(wb_pg_text(result, 0, 7),
	                    "2026-11-20 16:00:00.123456");
	assert_string_equal(wb_pg_text(result, 1, 7), "1969-12-31 23:59:59");
	for (size_t col = 0; col < 8; col++)
		assert_true(wb_pg_is_null(result, 2, col));
}

static const char all_arrays[] =
    "SELECT a, b, c, d, e, f, g, h AT TIME ZONE 'UTC'"
    " FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bool[],"
    " $5::uuid[], $6::json[], $7::bytea[], $8::timestamptz[])"
    " AS t (a, b, c, d, e, f, g, h)";

static const enum wb_pg_elem all_types[] = {
	WB_PG_TEXT, WB_PG_INT4, WB_PG_INT8,  WB_PG_BOOL,
	WB_PG_UUID, WB_PG_JSON, WB_PG_BYTEA, WB_PG_TIMESTAMPTZ,
};

/* Twice with the same arguments object, cleared between. */
static void
arrays(void **state)
{
	struct fixture *f = *state;
	struct wb_uuid a = uuid_of(UUID_A), b = uuid_of(UUID_B);
	struct wb_pg_args *args = f->args;
	size_t at[WB_ARRAY_LEN(all_types)];

	for (int round = 0; round < 2; round++) {
		wb_pg_args_clear(args);
		for (size_t i = 0; i < WB_ARRAY_LEN(all_types); i++)
			at[i] = wb_pg_arg_array(args, all_types[i]);
		wb_pg_elem_text(args, at[0], "");
		wb_pg_elem_i32(args, at[1], -1);
		wb_pg_elem_i64(args, at[2], 0);
		wb_pg_elem_bool(args, at[3], true);
		wb_pg_elem_uuid(args, at[4], &a);
		wb_pg_elem_text(args, at[5], "1");
		wb_pg_elem_text_n(args, at[6], "\0\0\x01", 3);
		wb_pg_elem_time(args, at[7], INT64_C(1795190400123456));
		wb_pg_elem_text_n(args, at[0], "{\"NULL\", \\}?", 11);
		wb_pg_elem_i32(args, at[1], 7);
		wb_pg_elem_i64(args, at[2], INT64_MAX);
		wb_pg_elem_bool(args, at[3], false);
		wb_pg_elem_uuid(args, at[4], &b);
		wb_pg_elem_text(args, at[5], "{\"k\":  [null]}");
		wb_pg_elem_text_n(args, at[6], "", 0);
		wb_pg_elem_time(args, at[7], -1000000);
		wb_pg_elem_text(args, at[0], NULL);
		wb_pg_elem_uuid(args, at[4], NULL);
		for (size_t i = 1; i < WB_ARRAY_LEN(all_types); i++)
			if (i != 4)
				wb_pg_elem_null(args, at[i]);
		run_well(f, "arrays", all_arrays, check_arrays);
	}
}

static void
check_no_rows(const struct wb_pg_result *result)
{
	assert_int_equal(wb_pg_rows(result), 0);
}

static void
empty_arrays(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < WB_ARRAY_LEN(all_types); i++)
		(void)wb_pg_arg_array(f->args, all_types[i]);
	run_well(f, "empty", all_arrays, check_no_rows);
}

static void
check_large(const struct wb_pg_result *result)
{
	assert_int_equal(wb_pg_i64(result, 0, 0), 100000);
	assert_true(wb_pg_i64(result, 0, 1) == INT64_C(4999950000));
	assert_string_equal(wb_pg_text(result, 0, 2), "end");
}

/* Arrays and scalars in any order, large ones too. */
static void
large_arrays(void **state)
{
	struct fixture *f = *state;
	size_t ids = wb_pg_arg_array(f->args, WB_PG_INT8), names = 0;

	wb_pg_arg_text(f->args, "end");
	names = wb_pg_arg_array(f->args, WB_PG_TEXT);
	for (int64_t i = 0; i < 100000; i++) {
		wb_pg_elem_i64(f->args, ids, i);
		wb_pg_elem_text(f->args, names, "a name");
	}
	run_well(f, "large",
	         "SELECT count(*), sum(id)::bigint, $2::text"
	         " FROM unnest($1::bigint[], $3::text[]) AS t (id, name)"
	         " WHERE name = 'a name'",
	         check_large);
}

static int
make_database(void **state)
{
	(void)state;
	wb_test_database_create(database);
	return 0;
}

static int
drop_database(void **state)
{
	(void)state;
	wb_test_database_drop(database);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scalars),       TEST(nulls),  TEST(text_with_a_nul),
		TEST(affected_rows), TEST(arrays), TEST(empty_arrays),
		TEST(large_arrays),
	};

	wb_log_setup("test_pg_data", WB_LOG_DEBUG);
	(void)wb_test_pg_dsn();
	(void)snprintf(database, sizeof(database), "test_pg_data_%ld",
	               (long)getpid());
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
