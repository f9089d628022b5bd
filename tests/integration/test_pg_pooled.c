/* Connections through a pooler that gives each transaction whatever session is
 * free (a real pgbouncer, started by behind_pgbouncer.py, with one session for
 * all of them): what they ask of a session holds in every transaction of
 * theirs, and meets no one else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/pg_tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 6, ROUNDS = 20 };

static const struct wb_pg_stmt half_a_second = { "half_a_second",
	                                         "SELECT pg_sleep(0.5)" };

/* The connection under test, with a setting of its own. */
static void
set(struct fixture *f, const char *name, const char *value)
{
	size_t n_ready = f->conn.n_ready;

	wb_pg_setting(f->conn.pg, name, value);
	wb_pg_reset(f->conn.pg, "for its settings");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, n_ready + 1));
}

static void
open_other(struct fixture *f, struct wb_test_conn *other)
{
	wb_test_conn_params(other, f->tested_dsn);
	wb_test_conn_open(other, f->loop, "other", NULL);
}

static void
is_recognised(void **state)
{
	struct fixture *f = *state;

	assert_true(wb_pg_is_pooled(f->conn.pg));
	assert_false(wb_pg_is_pooled(f->admin.pg));
}

static void
keeps_its_settings_to_itself(void **state)
{
	static const struct wb_pg_stmt into = {
		"into",
		"INSERT INTO item VALUES (1, current_setting('work_mem') "
		"|| ' ' || current_setting('statement_timeout'))"
	};
	struct fixture *f = *state;
	struct wb_test_conn other = { 0 };

	set(f, "work_mem", "4567kB");
	open_other(f, &other);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(wb_test_select(&f->conn, "SHOW work_mem"),
		                    "4567kB");
		assert_string_not_equal(wb_test_select(&other, "SHOW work_mem"),
		                        "4567kB");
	}
	f->conn.n_done = 0;
	begin(f);
	wb_tx_flush(f->tx);
	wb_tx_query(f->tx, &into, NULL, NULL, NULL);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_string_equal(
	    wb_test_select(&f->admin, "SELECT name FROM item WHERE id = 1"),
	    "4567kB 8s");
	wb_test_script(&f->conn, "DELETE FROM item; INSERT INTO item "
	                         "VALUES (2, current_setting('work_mem'))");
	assert_string_equal(
	    wb_test_select(&f->admin, "SELECT name FROM item WHERE id = 2"),
	    "4567kB");
	wb_test_conn_close(&other);
}

static void
prepares_nothing(void **state)
{
	struct fixture *f = *state;

	for (int64_t i = 0; i < 3; i++) {
		f->conn.n_done = 0;
		begin(f);
		add_row(f, &insert_stmt, i);
		wb_tx_query(f->tx, &select_stmt, NULL, on_count, f);
		wb_tx_commit(f->tx);
		wait_end(f);
	}
	assert_string_equal(
	    wb_test_select(&f->conn,
	                   "SELECT count(*) FROM pg_prepared_statements"),
	    "0");
	check_rows(f, "item", "3");
}

static void
a_wrong_setting_is_a_loss(void **state)
{
	struct fixture *f = *state;

	wb_pg_setting(f->conn.pg, "no_such_thing", "1");
	wb_pg_reset(f->conn.pg, "for its settings");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_lost, 2));
	assert_non_null(strstr(f->conn.why, "no_such_thing"));
	assert_false(wb_pg_is_ready(f->conn.pg));
}

static void
times_out_alone(void **state)
{
	struct fixture *f = *state;
	struct wb_test_conn other = { 0 };

	open_other(f, &other);
	set(f, "statement_timeout", "100");
	wb_pg_query(f->conn.pg, &half_a_second, NULL, NULL, wb_test_on_done,
	            &f->conn);
	wait_end(f);
	assert_string_equal(f->conn.sqlstate, "57014");
	f->conn.n_done = 0;
	begin(f);
	wb_tx_query(f->tx, &half_a_second, NULL, NULL, NULL);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_string_equal(f->conn.sqlstate, "57014");
	wb_pg_query(other.pg, &half_a_second, NULL, NULL, wb_test_on_done,
	            &other);
	assert_true(wb_test_run_until(f->loop, &other.n_done, 1));
	assert_int_equal(other.end, WB_TX_COMMITTED);
	wb_test_conn_close(&other);
}

/* As a process that hangs in a transaction: the session is given to others. */
static void
is_thrown_out_when_it_idles(void **state)
{
	struct fixture *f = *state;
	struct wb_test_conn other = { 0 };

	open_other(f, &other);
	set(f, "idle_in_transaction_session_timeout", "100");
	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_flush(f->tx);
	assert_string_equal(wb_test_select(&other, "SELECT 'served'"),
	                    "served");
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	wait_connected(f);
	check_rows(f, "item", "0");
	wb_test_conn_close(&other);
}

/* The pooler gives up a client that has sent its COMMIT and waits for a
 * session: it says so in the server's place, and that tells nothing. */
static void
does_not_believe_the_pooler(void **state)
{
	struct fixture *f = *state;
	struct wb_test_conn other = { 0 };
	struct wb_tx *holder;

	open_other(f, &other);
	holder = wb_tx_begin(other.pg, wb_test_on_done, &other);
	wb_tx_flush(holder);
	wb_test_run_for(f->loop, 100);
	begin(f);
	add_row(f, &insert_stmt, 1);
	wb_tx_commit(f->tx);
	wait_end(f);
	assert_int_equal(f->conn.end, WB_TX_UNKNOWN);
	assert_non_null(strstr(f->conn.message, "query_wait_timeout"));
	wb_test_conn_close(&other);
	wait_connected(f);
}

/* ---- many at once ---- */

struct client {
	struct wb_test_conn conn;
	struct wb_tx *tx;
	struct wb_pg_args *args;
	int64_t number, left, xid, n_strays;
};

static const struct wb_pg_stmt write_stmt = {
	"write", "INSERT INTO item VALUES ($1::bigint, 'x') "
	         "RETURNING txid_current()"
};

static void
on_first(const struct wb_pg_result *result, void *arg)
{
	struct client *client = arg;

	client->xid = wb_pg_i64(result, 0, 0);
}

static void on_second(const struct wb_pg_result *result, void *arg);

/* Each half in a round trip of its own. */
static void
write_half(struct client *client, int64_t half)
{
	int64_t id = (client->left * CLIENTS + client->number) * 2 + half;

	wb_pg_args_clear(client->args);
	wb_pg_arg_i64(client->args, id);
	wb_tx_query(client->tx, &write_stmt, client->args,
	            half == 0 ? on_first : on_second, client);
}

static void
on_second(const struct wb_pg_result *result, void *arg)
{
	struct client *client = arg;

	client->n_strays += wb_pg_i64(result, 0, 0) != client->xid;
}

static void write_both(struct client *client);

static void
on_written(const struct wb_tx_outcome *outcome, void *arg)
{
	struct client *client = arg;

	if (outcome->end == WB_TX_COMMITTED && --client->left > 0)
		write_both(client);
	else
		wb_test_on_done(outcome, &client->conn);
}

static void
write_both(struct client *client)
{
	client->tx = wb_tx_begin(client->conn.pg, on_written, client);
	write_half(client, 0);
	wb_tx_flush(client->tx);
	write_half(client, 1);
	wb_tx_flush(client->tx);
	wb_tx_commit(client->tx);
}

static void
share_a_session(void **state)
{
	struct fixture *f = *state;
	struct client clients[CLIENTS] = { 0 };
	char n_rows[16];

	for (int64_t i = 0; i < CLIENTS; i++) {
		clients[i].number = i;
		clients[i].left = ROUNDS;
		clients[i].args = wb_pg_args_new();
		open_other(f, &clients[i].conn);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		write_both(&clients[i]);
	for (size_t i = 0; i < CLIENTS; i++) {
		assert_true(
		    wb_test_run_until(f->loop, &clients[i].conn.n_done, 1));
		assert_int_equal(clients[i].conn.end, WB_TX_COMMITTED);
		assert_int_equal(clients[i].left, 0);
		assert_int_equal(clients[i].n_strays, 0);
		wb_test_conn_close(&clients[i].conn);
		wb_pg_args_free(clients[i].args);
	}
	(void)snprintf(n_rows, sizeof(n_rows), "%d", CLIENTS * ROUNDS * 2);
	check_rows(f, "item", n_rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_recognised),
		TEST(keeps_its_settings_to_itself),
		TEST(prepares_nothing),
		TEST(a_wrong_setting_is_a_loss),
		TEST(times_out_alone),
		TEST(is_thrown_out_when_it_idles),
		TEST(does_not_believe_the_pooler),
		TEST(share_a_session),
	};

	if (getenv("WB_TEST_POOLER") == NULL) {
		(void)fputs("skipped: WB_TEST_POOLER is not set\n", stderr);
		return 77;
	}
	name_database("test_pg_pooled");
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
