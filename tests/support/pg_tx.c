#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/pg_tx.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char database[64];

const struct wb_pg_stmt insert_stmt = {
	"insert", "INSERT INTO item (id, name) VALUES ($1::bigint, $2::text)"
};
const struct wb_pg_stmt select_stmt = {
	"select", "SELECT count(*), coalesce(sum(id), 0)::bigint FROM item"
};
const struct wb_pg_stmt divide_stmt = { "divide", "SELECT 1 / $1::int" };
const struct wb_pg_stmt nap_stmt = { "nap", "SELECT pg_sleep(30)" };
const struct wb_pg_stmt lazy_stmt = {
	"lazy", "INSERT INTO lazy (id) VALUES ($1::bigint)"
};
const struct wb_pg_stmt wrong_stmt = { "wrong", "SELEKT 1" };

static const char schema[] =
    "CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL);"
    "CREATE TABLE lazy (id bigint PRIMARY KEY);"
    "CREATE FUNCTION lazy_check() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN"
    "  IF new.id = 13 THEN RAISE 'unlucky' USING ERRCODE = '23514'; END IF;"
    "  IF new.id = 99 THEN PERFORM pg_sleep(30); END IF;"
    "  RETURN NULL;"
    " END $$;"
    "CREATE CONSTRAINT TRIGGER lazy_check AFTER INSERT ON lazy"
    " DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION lazy_check();";

int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = wb_loop_new();
	f->dsn = wb_test_pg_dsn_of(database);
	f->args = wb_pg_args_new();
	f->tested_dsn = wb_test_pg_tested_dsn_of(database);
	wb_test_conn_params(&f->conn, f->tested_dsn);
	wb_test_conn_params(&f->admin, f->dsn);
	wb_test_conn_open(&f->conn, f->loop, "tested", NULL);
	/* A pooler may have had none but the session that the last tear_down
	 * terminated. */
	f->conn.n_lost = 0;
	wb_test_conn_open(&f->admin, f->loop, "admin", NULL);
	wb_test_script(&f->admin, "TRUNCATE item, lazy");
	*state = f;
	return 0;
}

int
tear_down(void **state)
{
	struct fixture *f = *state;

	wb_test_conn_close(&f->conn);
	/* A backend whose client has gone may still be asleep, with locks. */
	if (wb_pg_is_idle(f->admin.pg))
		wb_test_script(&f->admin, "SELECT pg_terminate_backend(pid)"
		                          " FROM pg_stat_activity"
		                          " WHERE application_name = 'tested'"
		                          " AND datname = current_database()");
	wb_test_conn_close(&f->admin);
	wb_pg_args_free(f->args);
	wb_loop_free(f->loop);
	free(f->dsn);
	free(f->tested_dsn);
	free(f);
	return 0;
}

/* ---- steps ---- */

void
begin(struct fixture *f)
{
	f->tx = wb_tx_begin(f->conn.pg, wb_test_on_done, &f->conn);
}

void
add_row(struct fixture *f, const struct wb_pg_stmt *stmt, int64_t id)
{
	wb_pg_args_clear(f->args);
	wb_pg_arg_i64(f->args, id);
	if (stmt == &insert_stmt)
		wb_pg_arg_text(f->args, "bolt");
	wb_tx_query(f->tx, stmt, f->args, NULL, NULL);
}

void
add_division(struct fixture *f, int32_t by)
{
	wb_pg_args_clear(f->args);
	wb_pg_arg_i32(f->args, by);
	wb_tx_query(f->tx, &divide_stmt, f->args, NULL, NULL);
}

void
wait_end(struct fixture *f)
{
	assert_true(wb_test_run_until(f->loop, &f->conn.n_done, 1));
	f->conn.n_done = 0;
}

void
wait_connected(struct fixture *f)
{
	size_t n = f->conn.n_ready;

	assert_true(wb_pg_is_ready(f->conn.pg) ||
	            wb_test_run_until(f->loop, &f->conn.n_ready, n + 1));
}

void
check_rows(struct fixture *f, const char *table, const char *n_rows)
{
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_string_equal(wb_test_select(&f->admin, sql), n_rows);
}

void
on_count(const struct wb_pg_result *result, void *arg)
{
	struct fixture *f = arg;

	f->n_results++;
	f->sum = wb_pg_i64(result, 0, 1);
	wb_loop_stop(f->loop);
}

/* ---- the database ---- */

void
name_database(const char *program)
{
	wb_log_setup(program, WB_LOG_DEBUG);
	(void)wb_test_pg_dsn();
	(void)snprintf(database, sizeof(database), "%s_%ld", program,
	               (long)getpid());
}

int
make_database(void **state)
{
	struct wb_test_conn conn = { 0 };
	struct wb_loop *loop = wb_loop_new();
	char *dsn = wb_test_pg_dsn_of(database);

	(void)state;
	wb_test_database_create(database);
	wb_test_conn_params(&conn, dsn);
	wb_test_conn_open(&conn, loop, "set-up", NULL);
	wb_test_script(&conn, schema);
	assert_int_equal(conn.end, WB_TX_COMMITTED);
	wb_test_conn_close(&conn);
	wb_loop_free(loop);
	free(dsn);
	return 0;
}

int
drop_database(void **state)
{
	(void)state;
	wb_test_database_drop(database);
	return 0;
}
