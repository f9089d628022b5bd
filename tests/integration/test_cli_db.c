/* cli/db.h on a real Postgres: two services' databases, queries and streams on
 * both at once, and what goes wrong. */
#include "support/pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "db.h"
#include "db_priv.h"

#include "base/attr.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS  "wb_test_cli_orders"
#define CATALOG "wb_test_cli_catalog"

struct fixture {
	struct wb_cli cli;
	struct wb_buf databases;
	struct wb_db *orders, *catalog;
	struct wb_note note;
};

static int
group_set_up(void **state)
{
	(void)state;
	wb_log_setup("test", WB_LOG_ERROR);
	wb_test_database_create(ORDERS);
	wb_test_database_create(CATALOG);
	return 0;
}

static int
group_tear_down(void **state)
{
	(void)state;
	wb_test_database_drop(ORDERS);
	wb_test_database_drop(CATALOG);
	return 0;
}

static int
set_up(void **state)
{
	static char empty[] = "";
	struct fixture *f = calloc(1, sizeof(*f));
	char *orders = wb_test_pg_dsn_of(ORDERS);
	char *catalog = wb_test_pg_dsn_of(CATALOG);

	assert_non_null(f);
	wb_buf_printf(&f->databases, "orders=%s catalog=%s", orders, catalog);
	free(orders);
	free(catalog);
	(void)snprintf(f->cli.name, sizeof(f->cli.name), "waybill test");
	f->cli.loop = wb_loop_new();
	f->cli.common.wait_ms = 10000;
	f->cli.common.statement_timeout_ms = 10000;
	f->cli.common.dsn = empty;
	f->cli.common.databases = f->databases.data;
	assert_int_equal(wb_db_open(&f->cli, "orders", &f->orders, &f->note),
	                 WB_OK);
	assert_int_equal(wb_db_open(&f->cli, "catalog", &f->catalog, &f->note),
	                 WB_OK);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	/* Of a test that has failed on its way. */
	(void)wb_rows_end(f->orders->rows, &f->note);
	(void)wb_rows_end(f->catalog->rows, &f->note);
	wb_db_close(f->orders);
	wb_db_close(f->catalog);
	wb_loop_free(f->cli.loop);
	wb_buf_fini(&f->databases);
	free(f);
	return 0;
}

/* The first column of the only row, as a number. */
static int64_t
ask(struct fixture *f, struct wb_db *db, const struct wb_pg_stmt *stmt)
{
	struct wb_rows *rows = wb_db_query(db, stmt, NULL);
	int64_t answer;

	assert_true(wb_rows_next(rows));
	answer = wb_rows_i64(rows, 0);
	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
	return answer;
}

static void
columns_are_read(void **state)
{
	static const struct wb_pg_stmt stmt = {
		"columns",
		"SELECT $1::text, NULL::text, -7::bigint, true, "
		"'00000000-0000-0000-0000-00000000000a'::uuid, "
		"'\\x00ff'::bytea "
		"UNION ALL SELECT current_database(), 'x', 8, false, NULL, NULL"
	};
	struct fixture *f = *state;
	struct wb_pg_args *args = wb_pg_args_new();
	struct wb_rows *rows;
	size_t bytes = 0;

	wb_pg_arg_text(args, "given");
	rows = wb_db_query(f->orders, &stmt, args);
	assert_true(wb_rows_next(rows));
	assert_string_equal(wb_rows_text(rows, 0), "given");
	assert_int_equal(wb_rows_bytes(rows, 0), 5);
	assert_true(wb_rows_is_null(rows, 1));
	assert_string_equal(wb_rows_text(rows, 1), "");
	assert_int_equal(wb_rows_i64(rows, 2), -7);
	assert_true(wb_rows_bool(rows, 3));
	assert_int_equal(wb_rows_uuid(rows, 4).bytes[15], 10);
	assert_memory_equal(wb_rows_bytea(rows, 5, &bytes), "\0\xff", 2);
	assert_int_equal(bytes, 2);
	assert_true(wb_rows_next(rows));
	assert_string_equal(wb_rows_text(rows, 0), ORDERS);
	assert_false(wb_rows_bool(rows, 3));
	assert_false(wb_rows_next(rows));
	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
}

static void
effects_are_counted(void **state)
{
	static const struct wb_pg_stmt stmt = {
		"effects", "CREATE TEMPORARY TABLE numbers AS SELECT "
		           "generate_series(1, 12)"
	};
	static const struct wb_pg_stmt del = {
		"delete", "DELETE FROM numbers WHERE generate_series > 9"
	};
	struct fixture *f = *state;
	struct wb_rows *rows = wb_db_query(f->orders, &stmt, NULL);

	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_affected(rows), 12);
	assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
	rows = wb_db_query(f->orders, &del, NULL);
	assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
	assert_int_equal(
	    ask(f, f->orders,
	        &(struct wb_pg_stmt){ "left", "SELECT count(*) FROM numbers" }),
	    9);
}

/* All of them, in order, and never more than two parts in memory. */
static void
streams_hold_little(void **state)
{
	static const struct wb_pg_stmt stmt = {
		"numbers", "SELECT i FROM generate_series(1, $1::int) AS i"
	};
	static const int32_t sizes[] = { 0, 1, 1999, 2000, 2001, 4000, 50001 };
	struct fixture *f = *state;

	for (size_t i = 0; i < WB_ARRAY_LEN(sizes); i++) {
		struct wb_pg_args *args = wb_pg_args_new();
		struct wb_rows *rows;
		int64_t n = 0;

		wb_pg_arg_i32(args, sizes[i]);
		rows = wb_db_stream(f->orders, &stmt, args);
		while (wb_rows_next(rows)) {
			assert_int_equal(wb_rows_i64(rows, 0), ++n);
			assert_true(rows->front.n_rows <= 2000 &&
			            rows->back.n_rows <= 2000);
		}
		assert_int_equal(n, sizes[i]);
		assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
	}
}

/* The first waits for a lock that only the second's statement gives free. */
static void
databases_work_at_the_same_time(void **state)
{
	static const struct wb_pg_stmt make = {
		"make", "SELECT lo_from_bytea(4711, 'x')::bigint"
	};
	static const struct wb_pg_stmt hold = {
		"hold", "SELECT pg_advisory_lock(1)::text"
	};
	static const struct wb_pg_stmt wait = {
		"wait", "SELECT 1::bigint FROM pg_advisory_lock(1)"
	};
	static const struct wb_pg_stmt release = {
		"release", "SELECT pg_advisory_unlock(1)"
	};
	struct fixture *f = *state;
	struct wb_db *other = NULL;
	struct wb_rows *waiting, *releasing;

	assert_int_equal(ask(f, f->orders, &make), 4711);
	assert_int_equal(wb_db_open(&f->cli, "orders", &other, &f->note),
	                 WB_OK);
	assert_int_equal(wb_rows_end(wb_db_query(other, &hold, NULL), &f->note),
	                 WB_OK);
	waiting = wb_db_stream(f->orders, &wait, NULL);
	releasing = wb_db_query(other, &release, NULL);
	assert_true(wb_rows_next(waiting));
	assert_true(wb_rows_next(releasing));
	assert_true(wb_rows_bool(releasing, 0));
	assert_int_equal(wb_rows_end(waiting, &f->note), WB_OK);
	assert_int_equal(wb_rows_end(releasing, &f->note), WB_OK);
	wb_db_close(other);
}

static void
two_streams_are_merged(void **state)
{
	static const struct wb_pg_stmt stmt = {
		"halves", "SELECT i, current_database() "
		          "FROM generate_series(1, 9000) AS i "
		          "WHERE (current_database() LIKE '%orders') = "
		          "(i % 2 = 0)"
	};
	struct fixture *f = *state;
	struct wb_rows *even = wb_db_stream(f->orders, &stmt, NULL);
	struct wb_rows *odd = wb_db_stream(f->catalog, &stmt, NULL);

	for (int64_t i = 1; i <= 9000; i++) {
		struct wb_rows *rows = i % 2 == 0 ? even : odd;

		assert_true(wb_rows_next(rows));
		assert_int_equal(wb_rows_i64(rows, 0), i);
	}
	assert_int_equal(wb_rows_end(even, &f->note), WB_OK);
	assert_int_equal(wb_rows_end(odd, &f->note), WB_OK);
}

/* At any point of the walk; the connection is free for the next. */
static void
stream_may_be_left(void **state)
{
	static const struct wb_pg_stmt stmt = {
		"many", "SELECT i FROM generate_series(1, 20000) AS i"
	};
	static const int stops[] = { 0, 1, 1999, 2000, 2001, 4500 };
	struct fixture *f = *state;

	for (size_t i = 0; i < WB_ARRAY_LEN(stops); i++) {
		struct wb_rows *rows = wb_db_stream(f->orders, &stmt, NULL);

		for (int n = 0; n < stops[i]; n++)
			assert_true(wb_rows_next(rows));
		assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
		assert_int_equal(
		    ask(f, f->orders,
		        &(struct wb_pg_stmt){ "one", "SELECT 1::bigint" }),
		    1);
	}
}

static void
run(struct fixture *f, struct wb_db *db, const char *name, const char *sql)
{
	struct wb_pg_stmt stmt = { name, sql };
	struct wb_rows *rows = wb_db_query(db, &stmt, NULL);

	while (wb_rows_next(rows))
		;
	assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
}

/* The rows can't come yet: somebody holds a lock that they need. */
static void
snapshot_is_taken_before_the_rows_come(void **state)
{
	static const struct wb_pg_stmt stmt = {
		"count", "SELECT (SELECT count(*) FROM seen) FROM"
		         " (SELECT pg_advisory_lock_shared(42)) AS l"
	};
	struct fixture *f = *state;
	struct wb_db *other = NULL;
	struct wb_rows *rows;

	assert_int_equal(wb_db_open(&f->cli, "orders", &other, &f->note),
	                 WB_OK);
	run(f, other, "make", "CREATE TABLE seen (i int)");
	run(f, other, "lock", "SELECT pg_advisory_lock(42)::text");
	rows = wb_db_stream(f->orders, &stmt, NULL);
	wb_rows_await_snapshot(rows);
	run(f, other, "add", "INSERT INTO seen VALUES (1)");
	run(f, other, "unlock", "SELECT pg_advisory_unlock(42)");
	assert_true(wb_rows_next(rows));
	assert_int_equal(wb_rows_i64(rows, 0), 0);
	assert_int_equal(wb_rows_end(rows, &f->note), WB_OK);
	wb_db_close(other);
}

static void
failure_names_service_and_reason(void **state)
{
	static const struct wb_pg_stmt wrong = { "wrong",
		                                 "SELECT nothing FROM here" };
	static const struct wb_pg_stmt later = {
		"later",
		"SELECT 1 / (5000 - i) FROM generate_series(1, 9000) AS i"
	};
	struct fixture *f = *state;
	struct wb_rows *rows = wb_db_query(f->orders, &wrong, NULL);
	int n = 0;

	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_end(rows, &f->note), WB_ERR_DB_SCHEMA);
	assert_string_equal(f->note.text,
	                    "orders: relation \"here\" does not exist (42P01)");
	rows = wb_db_stream(f->orders,
	                    &(struct wb_pg_stmt){ "wrong2", wrong.sql }, NULL);
	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_end(rows, &f->note), WB_ERR_DB_SCHEMA);
	rows = wb_db_stream(f->orders, &later, NULL);
	while (wb_rows_next(rows))
		n++;
	assert_int_equal(n, 4000);
	assert_int_not_equal(wb_rows_end(rows, &f->note), WB_OK);
	assert_non_null(strstr(f->note.text, "orders: division by zero"));
	assert_int_equal(ask(f, f->orders,
	                     &(struct wb_pg_stmt){ "one", "SELECT 1::bigint" }),
	                 1);
}

static void
statement_has_a_limit(void **state)
{
	static const struct wb_pg_stmt stmt = { "sleep",
		                                "SELECT pg_sleep(60)::text" };
	struct fixture *f = *state;
	struct wb_db *db = NULL;
	struct wb_rows *rows;

	f->cli.common.statement_timeout_ms = 100;
	assert_int_equal(wb_db_open(&f->cli, "orders", &db, &f->note), WB_OK);
	rows = wb_db_query(db, &stmt, NULL);
	assert_false(wb_rows_next(rows));
	assert_int_not_equal(wb_rows_end(rows, &f->note), WB_OK);
	assert_non_null(strstr(f->note.text, "statement timeout"));
	wb_db_close(db);
}

static void
lost_session_fails_what_ran_and_what_follows(void **state)
{
	static const struct wb_pg_stmt suicide = {
		"suicide", "SELECT pg_terminate_backend(pg_backend_pid())::text"
	};
	static const struct wb_pg_stmt one = { "one", "SELECT 1" };
	struct fixture *f = *state;
	struct wb_rows *rows = wb_db_query(f->orders, &suicide, NULL);

	assert_false(wb_rows_next(rows));
	assert_int_not_equal(wb_rows_end(rows, &f->note), WB_OK);
	assert_non_null(strstr(f->note.text, "orders: "));
	rows = wb_db_query(f->orders, &one, NULL);
	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_end(rows, &f->note), WB_ERR_DB_LOST);
}

static void
unreachable_database_is_told(void **state)
{
	static char nowhere[] = "orders=postgres://127.0.0.1:1/orders";
	static const struct wb_pg_stmt one = { "one", "SELECT 1" };
	struct fixture *f = *state;
	struct wb_db *db = NULL;
	struct wb_pg *pg = NULL;
	struct wb_rows *rows;

	f->cli.common.databases = nowhere;
	f->cli.common.wait_ms = 300;
	assert_int_equal(wb_db_open(&f->cli, "orders", &db, &f->note), WB_OK);
	rows = wb_db_query(db, &one, NULL);
	assert_false(wb_rows_next(rows));
	assert_int_equal(wb_rows_end(rows, &f->note), WB_ERR_DB_LOST);
	assert_non_null(strstr(f->note.text, "orders: "));
	assert_non_null(strstr(f->note.text, "Connection refused"));
	assert_int_equal(wb_db_connect(db, &pg, &f->note), WB_ERR_DB_LOST);
	wb_db_close(db);
}

static void
named_dsn_is_for_one_service(void **state)
{
	static char empty[] = "";
	struct fixture *f = *state;
	struct wb_buf dsn = { 0 };

	f->cli.common.databases = empty;
	f->cli.common.dsn = wb_test_pg_dsn_of(ORDERS);
	assert_int_equal(wb_db_dsn(&f->cli, "orders", &dsn, &f->note), WB_OK);
	assert_non_null(strstr(wb_buf_text(&dsn), "dbname='" ORDERS "'"));
	assert_int_equal(wb_db_dsn(&f->cli, "orders", &dsn, &f->note), WB_OK);
	assert_int_equal(wb_db_dsn(&f->cli, "catalog", &dsn, &f->note),
	                 WB_ERR_BAD_CONFIG);
	assert_non_null(strstr(f->note.text, "both orders and catalog"));
	free(f->cli.common.dsn);
	wb_buf_clear(&dsn);
	f->cli.common.dsn = (char[]){ "host=here password='it\\'s'" };
	assert_int_equal(wb_db_dsn(&f->cli, "catalog", &dsn, &f->note), WB_OK);
	assert_string_equal(wb_buf_text(&dsn),
	                    "password='it\\'s' host='here' dbname='catalog'");
	f->cli.common.dsn = (char[]){ "no dsn, secret" };
	assert_int_equal(wb_db_dsn(&f->cli, "catalog", &dsn, &f->note),
	                 WB_ERR_BAD_CONFIG);
	assert_null(strstr(f->note.text, "secret"));
	wb_buf_fini(&dsn);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(columns_are_read),
		TEST(effects_are_counted),
		TEST(streams_hold_little),
		TEST(databases_work_at_the_same_time),
		TEST(two_streams_are_merged),
		TEST(stream_may_be_left),
		TEST(snapshot_is_taken_before_the_rows_come),
		TEST(failure_names_service_and_reason),
		TEST(statement_has_a_limit),
		TEST(lost_session_fails_what_ran_and_what_follows),
		TEST(unreachable_database_is_told),
		TEST(named_dsn_is_for_one_service),
	};
#undef TEST

	(void)wb_test_pg_dsn();
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
