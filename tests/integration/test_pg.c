/* Transactions on a real Postgres: how they run, how they end, how they
 * fail. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/pg_tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- good ends ---- */

static void
commits(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_false(wb_pg_is_idle(f->conn.pg));
	for (int64_t id = 1; id <= 100; id++)
		add_row(f, &insert_stmt, id);
	wb_tx_query(f->tx, &select_stmt, NULL, on_count, f);
	wb_tx_commit(f->tx);
	assert_int_equal(f->conn.n_done, 0); /* never from within a call */
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	assert_int_equal(f->conn.err, WB_OK);
	assert_string_equal(f->conn.sqlstate, "");
	assert_int_equal(f->n_results, 1);
	assert_int_equal(f->sum, 5050);
	assert_true(wb_pg_is_idle(f->conn.pg));
	check_rows(f, "item", "100");
}

static void
commits_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
}

static void
commits_relaxed(void **state)
{
	static const struct wb_pg_stmt check = {
		"relaxed", "INSERT INTO item (id, name)"
		           " VALUES (1, current_setting('synchronous_commit'))"
	};
	struct fixture *f = *state;

	f->tx = wb_tx_begin_relaxed(f->conn.pg, wb_test_on_done, &f->conn);
	wb_tx_query(f->tx, &check, NULL, NULL, NULL);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	assert_string_equal(wb_test_select(&f->admin, "SELECT name FROM item"),
	                    "off");
	assert_string_equal(wb_test_select(&f->conn, "SHOW synchronous_commit"),
	                    "on");
}

static void
rolls_back(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_rollback(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_ROLLED_BACK);
	assert_int_equal(f->conn.err, WB_OK);
	check_rows(f, "item", "0");
}

/* Three rounds: each result adds the next statement, the last one commits. */
static void
on_round(const struct wb_pg_result *result, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(wb_pg_i64(result, 0, 0), f->n_results + 1);
	f->n_results++;
	if (f->n_results == 3) {
		wb_tx_commit(f->tx);
		return;
	}
	add_row(f, &insert_stmt, (int64_t)f->n_results + 1);
	wb_tx_query(f->tx, &select_stmt, NULL, on_round, f);
	wb_tx_flush(f->tx);
}

static void
adds_statements_from_results(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_query(f->tx, &select_stmt, NULL, on_round, f);
	wb_tx_flush(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	assert_int_equal(f->n_results, 3);
	check_rows(f, "item", "3");
}

static void
on_done_begin_again(const struct wb_tx_outcome *outcome, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(outcome->end, WB_TX_FAILED);
	assert_true(wb_pg_is_idle(f->conn.pg));
	begin(f);
	add_row(f, &insert_stmt, 7);
	wb_tx_commit(f->tx);
	/* Still the first one's words. */
	assert_string_equal(outcome->sqlstate, "22012");
	assert_string_equal(outcome->stmt, "divide");
}

static void
begins_again_in_done(void **state)
{
	struct fixture *f = *state;

	f->tx = wb_tx_begin(f->conn.pg, on_done_begin_again, f);
	add_division(f, 0);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	check_rows(f, "item", "1");
}

/* A thousand statements of 100 kB and more fill both sides' buffers. */
static void
does_not_jam(void **state)
{
	static const struct wb_pg_stmt echo = { "echo", "SELECT $1::text" };
	struct fixture *f = *state;
	size_t bytes = 100000;
	char *text = malloc(bytes + 1);

	assert_non_null(text);
	memset(text, 'x', bytes);
	text[bytes] = '\0';
	begin(f);
	wb_pg_arg_text(f->args, text);
	for (int i = 0; i < 1000; i++)
		wb_tx_query(f->tx, &echo, f->args, NULL, NULL);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	free(text);
}

/* ---- statements that fail ---- */

static void
check_usable(struct fixture *f, const char *n_rows)
{
	assert_true(wb_pg_is_idle(f->conn.pg));
	assert_int_equal(f->conn.n_lost, 0);
	begin(f);
	add_row(f, &insert_stmt, 1000);
	add_division(f, 1);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	check_rows(f, "item", n_rows);
}

/* insert's second use and divide's Prepare behind it are skipped. */
static void
fails_in_the_middle(void **state)
{
	struct fixture *f = *state;

	begin(f);
	wb_tx_query(f->tx, &wrong_stmt, NULL, NULL, NULL);
	add_row(f, &insert_stmt, 1);
	add_division(f, 1);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_ERROR);
	assert_string_equal(f->conn.sqlstate, "42601");
	assert_string_equal(f->conn.stmt, "wrong");
	assert_non_null(strstr(f->conn.message, "SELEKT"));
	check_usable(f, "1");
}

/* The failure comes while the user still adds to it. */
static void
fails_while_open(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	add_row(f, &insert_stmt, 1);
	wb_tx_query(f->tx, &select_stmt, NULL, on_count, f);
	wb_tx_flush(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "23505");
	assert_int_equal(f->n_results, 0);
	check_usable(f, "1");
}

/* The failure is not yet read when more is sent, with Syncs between. */
static void
fails_before_a_flush(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_division(f, 0);
	wb_tx_flush(f->tx);
	add_row(f, &insert_stmt, 1);
	wb_tx_query(f->tx, &select_stmt, NULL, on_count, f);
	wb_tx_flush(f->tx);
	add_row(f, &insert_stmt, 2);
	wb_tx_flush(f->tx);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "22012");
	assert_string_equal(f->conn.stmt, "divide");
	assert_int_equal(f->n_results, 0);
	check_usable(f, "1");
}

static void
fails_before_rollback(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_division(f, 0);
	wb_tx_rollback(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "22012");
	check_usable(f, "1");
}

static void
fails_at_commit(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	add_row(f, &lazy_stmt, 13);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "23514");
	assert_string_equal(f->conn.stmt, "wb_commit");
	check_rows(f, "item", "0");
	check_usable(f, "1");
}

/* An implicit transaction commits at the Sync, which has no result of its own
 * to fail. */
static void
fails_at_sync(void **state)
{
	struct fixture *f = *state;

	wb_pg_arg_i64(f->args, 13);
	wb_pg_query(f->conn.pg, &lazy_stmt, f->args, NULL, wb_test_on_done,
	            &f->conn);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "23514");
	check_usable(f, "1");
}

static void
single_statement_fails(void **state)
{
	struct fixture *f = *state;

	wb_pg_query(f->conn.pg, &wrong_stmt, NULL, NULL, wb_test_on_done,
	            &f->conn);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.stmt, "wrong");
	check_usable(f, "1");
}

static void
statement_times_out(void **state)
{
	struct fixture *f = *state;

	wb_test_script(&f->conn, "SET statement_timeout = 100");
	f->conn.n_done = 0;
	begin(f);
	wb_tx_query(f->tx, &nap_stmt, NULL, NULL, NULL);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_TIMEOUT);
	assert_string_equal(f->conn.sqlstate, "57014");
	check_usable(f, "1");
}

/* Two transactions lock two rows in opposite order. */
static void
deadlocks(void **state)
{
	static const struct wb_pg_stmt lock = {
		"lock", "SELECT id FROM item WHERE id = $1::bigint FOR UPDATE"
	};
	struct fixture *f = *state;

	wb_test_script(&f->admin, "INSERT INTO item VALUES (1, 'a'), (2, 'b')");
	wb_test_script(&f->conn, "SET deadlock_timeout = 50");
	f->conn.n_done = 0;
	f->admin.n_done = 0;
	struct wb_tx *other =
	    wb_tx_begin(f->admin.pg, wb_test_on_done, &f->admin);
	begin(f);
	wb_pg_arg_i64(f->args, 1);
	wb_tx_query(f->tx, &lock, f->args, NULL, NULL);
	wb_tx_flush(f->tx);
	wb_pg_args_clear(f->args);
	wb_pg_arg_i64(f->args, 2);
	wb_tx_query(other, &lock, f->args, NULL, NULL);
	wb_tx_flush(other);
	wb_test_run_for(f->loop, 100);
	wb_tx_query(f->tx, &lock, f->args, NULL, NULL);
	wb_tx_commit(f->tx);
	wb_pg_args_clear(f->args);
	wb_pg_arg_i64(f->args, 1);
	wb_tx_query(other, &lock, f->args, NULL, NULL);
	wb_tx_commit(other);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_CONFLICT);
	assert_string_equal(f->conn.sqlstate, "40P01");
	assert_true(wb_test_run_until(f->loop, &f->admin.n_done, 1));
	assert_int_equal(f->admin.end, WB_TX_COMMITTED);
}

/* What the server calls it, what we call it. */
static void
translates_errors(void **state)
{
	static const struct {
		const char *sqlstate;
		enum wb_err err;
		bool drops;
	} rows[] = {
		{ "40001", WB_ERR_DB_CONFLICT, false },
		{ "55P03", WB_ERR_DB_CONFLICT, false },
		{ "57014", WB_ERR_DB_TIMEOUT, false },
		{ "53100", WB_ERR_DB_LOST, false },
		{ "53200", WB_ERR_DB_ERROR, false },
		{ "58030", WB_ERR_DB_LOST, false },
		{ "23505", WB_ERR_DB_ERROR, false },
		{ "42883", WB_ERR_DB_SCHEMA, false },
		{ "42P01", WB_ERR_DB_SCHEMA, false },
		{ "42601", WB_ERR_DB_ERROR, false },
		{ "P0001", WB_ERR_DB_ERROR, false },
		{ "XX000", WB_ERR_DB_ERROR, false },
		{ "25006", WB_ERR_DB_LOST, true },
		{ "57P01", WB_ERR_DB_LOST, true },
		{ "57P03", WB_ERR_DB_LOST, true },
		{ "08006", WB_ERR_DB_LOST, true },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < WB_ARRAY_LEN(rows); i++) {
		char name[16], sql[128];
		const struct wb_pg_stmt stmt = { name, sql };
		size_t n_lost = f->conn.n_lost;

		(void)snprintf(name, sizeof(name), "raise_%zu", i);
		(void)snprintf(sql, sizeof(sql),
		               "DO $$ BEGIN RAISE 'so' USING ERRCODE = '%s';"
		               " END $$",
		               rows[i].sqlstate);
		begin(f);
		wb_tx_query(f->tx, &stmt, NULL, NULL, NULL);
		wb_tx_commit(f->tx);
		wait_end(f);
		assert_int_equal(f->conn.end, WB_TX_FAILED);
		assert_string_equal(f->conn.sqlstate, rows[i].sqlstate);
		assert_int_equal(f->conn.err, rows[i].err);
		wait_connected(f);
		assert_int_equal(f->conn.n_lost - n_lost, rows[i].drops);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commits),
		TEST(commits_nothing),
		TEST(commits_relaxed),
		TEST(rolls_back),
		TEST(adds_statements_from_results),
		TEST(begins_again_in_done),
		TEST(does_not_jam),
		TEST(fails_in_the_middle),
		TEST(fails_while_open),
		TEST(fails_before_a_flush),
		TEST(fails_before_rollback),
		TEST(fails_at_commit),
		TEST(fails_at_sync),
		TEST(single_statement_fails),
		TEST(statement_times_out),
		TEST(deadlocks),
		TEST(translates_errors),
	};

	name_database("test_pg");
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
