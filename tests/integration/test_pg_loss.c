/* Transactions whose connection to a real Postgres breaks: what is known of
 * their end, and that the next one runs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/pg_tx.h"

#include <stdio.h>
#include <string.h>

/* Once the connection under test has a statement running. */
static void
terminate_when(struct fixture *f, const char *query)
{
	char sql[256];

	(void)snprintf(sql, sizeof(sql),
	               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	               " WHERE application_name = 'tested' AND"
	               " datname = current_database() AND %s",
	               query);
	for (int i = 0; i < 200; i++) {
		if (strcmp(wb_test_select(&f->admin, sql), "t") == 0)
			return;
		wb_test_run_for(f->loop, 10);
	}
	fail_msg("nothing to terminate");
}

static void
loses_it_when_idle_in_transaction(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_query(f->tx, &select_stmt, NULL, on_count, f);
	wb_tx_flush(f->tx);
	assert_true(wb_test_run_until(f->loop, &f->n_results, 1));
	terminate_when(f, "state = 'idle in transaction'");
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_LOST);
	wait_connected(f);
	assert_non_null(strstr(f->conn.why, "administrator command"));
	check_rows(f, "item", "0");
}

static void
idles_too_long_in_transaction(void **state)
{
	struct fixture *f = *state;

	wb_test_script(&f->conn,
	               "SET idle_in_transaction_session_timeout = 50");
	f->conn.n_done = 0;
	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_flush(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_LOST);
	wait_connected(f);
}

static void
loses_it_before_commit_runs(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_query(f->tx, &nap_stmt, NULL, NULL, NULL);
	wb_tx_commit(f->tx);
	terminate_when(f, "query = 'SELECT pg_sleep(30)'");
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_LOST);
	assert_string_equal(f->conn.sqlstate, "57P01");
	wait_connected(f);
	check_rows(f, "item", "0");
	/* All statements are prepared anew. */
	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
}

static void
loses_it_at_commit(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &lazy_stmt, 99);
	wb_tx_commit(f->tx);
	terminate_when(f, "query = 'COMMIT'");
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_UNKNOWN);
	assert_int_equal(f->conn.err, WB_ERR_DB_LOST);
	wait_connected(f);
}

static void
passes_its_deadline(void **state)
{
	struct fixture *f = *state;

	begin(f);
	wb_tx_deadline_ms(f->tx, 100);
	wb_tx_query(f->tx, &nap_stmt, NULL, NULL, NULL);
	wb_tx_flush(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_TIMEOUT);
	assert_int_equal(f->conn.n_lost, 1);
	wait_connected(f);
}

static void
passes_its_deadline_at_commit(void **state)
{
	struct fixture *f = *state;

	begin(f);
	wb_tx_deadline_ms(f->tx, 100);
	add_row(f, &lazy_stmt, 99);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_UNKNOWN);
	assert_int_equal(f->conn.err, WB_ERR_DB_TIMEOUT);
	wait_connected(f);
}

static void
is_reset(void **state)
{
	struct fixture *f = *state;

	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_pg_reset(f->conn.pg, "enough");
	assert_int_equal(f->conn.n_done, 0);
	assert_false(wb_pg_is_ready(f->conn.pg));
	/* The user may not know yet. */
	add_row(f, &insert_stmt, 2);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_LOST);
	assert_string_equal(f->conn.message, "enough");
	wait_connected(f);
	check_rows(f, "item", "0");
}

/* A prepared statement that the server has forgotten costs the connection, not
 * the message. */
static void
loses_its_prepared_statements(void **state)
{
	struct fixture *f = *state;

	if (wb_pg_is_pooled(f->conn.pg))
		skip(); /* nothing is prepared */
	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_commit(f->tx);
	wait_end(f);
	wb_test_script(&f->conn, "DEALLOCATE ALL");
	f->conn.n_done = 0;
	begin(f);
	add_row(f, &insert_stmt, 2);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_int_equal(f->conn.err, WB_ERR_DB_LOST);
	assert_string_equal(f->conn.sqlstate, "26000");
	wait_connected(f);
}

/* The type of a column changes under a prepared statement. */
static void
survives_a_migration(void **state)
{
	static const struct wb_pg_stmt star = { "star", "SELECT * FROM shape" };
	struct fixture *f = *state;

	if (wb_pg_is_pooled(f->conn.pg))
		skip(); /* nothing is prepared */
	wb_test_script(&f->admin, "CREATE TABLE shape (id int)");
	wb_pg_query(f->conn.pg, &star, NULL, NULL, wb_test_on_done, &f->conn);
	wait_end(f);
	wb_test_script(&f->admin, "ALTER TABLE shape ADD name text");
	wb_pg_query(f->conn.pg, &star, NULL, NULL, wb_test_on_done, &f->conn);
	wait_end(f);
	assert_int_equal(f->conn.err, WB_ERR_DB_CONFLICT);
	wait_connected(f);
	wb_pg_query(f->conn.pg, &star, NULL, NULL, wb_test_on_done, &f->conn);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	wb_test_script(&f->admin, "DROP TABLE shape");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loses_it_when_idle_in_transaction),
		TEST(idles_too_long_in_transaction),
		TEST(loses_it_before_commit_runs),
		TEST(loses_it_at_commit),
		TEST(passes_its_deadline),
		TEST(passes_its_deadline_at_commit),
		TEST(is_reset),
		TEST(loses_its_prepared_statements),
		TEST(survives_a_migration),
	};

	name_database("test_pg_loss");
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
