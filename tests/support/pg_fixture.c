#include "support/pg_fixture.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
wb_test_pg_dsn(void)
{
	const char *dsn = getenv("WB_TEST_PG_DSN");

	if (dsn == NULL || dsn[0] == '\0') {
		(void)fputs("skipped: WB_TEST_PG_DSN is not set\n", stderr);
		exit(77);
	}
	return dsn;
}

char *
wb_test_pg_dsn_of(const char *database)
{
	const char *dsn = wb_test_pg_dsn(), *authority = strstr(dsn, "://");
	const char *path = NULL, *query = NULL;
	struct wb_buf of = { 0 };

	if (authority == NULL) {
		wb_buf_printf(&of, "%s dbname=%s", dsn, database);
		return of.data;
	}
	authority += 3;
	path = authority + strcspn(authority, "/?");
	query = path + strcspn(path, "?");
	wb_buf_add(&of, dsn, (size_t)(path - dsn));
	wb_buf_printf(&of, "/%s%s", database, query);
	return of.data;
}

char *
wb_test_pg_tested_dsn_of(const char *database)
{
	const char *pooler = getenv("WB_TEST_POOLER");
	struct wb_buf of = { 0 };

	if (pooler == NULL)
		return wb_test_pg_dsn_of(database);
	wb_buf_printf(&of, "postgres://tested@%s/%s", pooler, database);
	return of.data;
}

/* ---- the loop ---- */

struct wait {
	struct wb_loop *loop;
	bool is_over;
};

static void
on_wait_over(void *arg)
{
	struct wait *wait = arg;

	wait->is_over = true;
	wb_loop_stop(wait->loop);
}

bool
wb_test_run_until(struct wb_loop *loop, const size_t *n_events, size_t n)
{
	struct wait wait = { .loop = loop };
	struct wb_timer timer;

	wb_timer_init(&timer, loop, on_wait_over, &wait);
	wb_timer_start_ms(&timer, WB_TEST_WAIT_MS);
	while (*n_events < n && !wait.is_over)
		wb_loop_run(loop);
	wb_timer_fini(&timer);
	return *n_events >= n;
}

void
wb_test_run_for(struct wb_loop *loop, int64_t ms)
{
	struct wait wait = { .loop = loop };
	struct wb_timer timer;

	wb_timer_init(&timer, loop, on_wait_over, &wait);
	wb_timer_start_ms(&timer, ms);
	while (!wait.is_over)
		wb_loop_run(loop);
	wb_timer_fini(&timer);
}

/* ---- a connection ---- */

static void
on_ready(void *arg)
{
	struct wb_test_conn *conn = arg;

	conn->n_ready++;
	wb_loop_stop(conn->loop);
}

static void
on_lost(void *arg, const char *why)
{
	struct wb_test_conn *conn = arg;

	conn->n_lost++;
	(void)snprintf(conn->why, sizeof(conn->why), "%s", why);
	wb_loop_stop(conn->loop);
}

static void
on_notify(void *arg, const char *channel, const char *payload)
{
	struct wb_test_conn *conn = arg;

	conn->n_notified++;
	(void)snprintf(conn->channel, sizeof(conn->channel), "%s", channel);
	(void)snprintf(conn->payload, sizeof(conn->payload), "%s", payload);
	wb_loop_stop(conn->loop);
}

void
wb_test_on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_test_conn *conn = arg;

	conn->n_done++;
	conn->end = outcome->end;
	conn->err = outcome->err;
	(void)snprintf(conn->sqlstate, sizeof(conn->sqlstate), "%s",
	               outcome->sqlstate);
	(void)snprintf(conn->message, sizeof(conn->message), "%s",
	               outcome->message);
	(void)snprintf(conn->stmt, sizeof(conn->stmt), "%s", outcome->stmt);
	wb_loop_stop(conn->loop);
}

void
wb_test_conn_params(struct wb_test_conn *conn, char *dsn)
{
	conn->params = (struct wb_pg_params){
		.dsn = dsn,
		.connect_timeout_ms = 5000,
		.statement_timeout_ms = 8000,
		.tx_deadline_ms = 9000,
		.reconnect_cap_ms = 200,
	};
}

void
wb_test_conn_open(struct wb_test_conn *conn, struct wb_loop *loop,
                  const char *name, const char *first_sql)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
		.on_notify = on_notify,
	};

	conn->loop = loop;
	conn->pg = wb_pg_new(loop, &conn->params, name, &events, conn);
	if (!wb_test_run_until(loop, &conn->n_ready, 1)) {
		(void)fprintf(stderr, "not connected: %s\n", conn->why);
		abort();
	}
	if (first_sql != NULL)
		wb_test_script(conn, first_sql);
}

void
wb_test_conn_close(struct wb_test_conn *conn)
{
	wb_pg_free(conn->pg);
	free(conn->selected);
	conn->pg = NULL;
	conn->selected = NULL;
}

static void
wait_done(struct wb_test_conn *conn, const char *sql)
{
	if (wb_test_run_until(conn->loop, &conn->n_done, conn->n_done + 1))
		return;
	(void)fprintf(stderr, "no end in time: %s\n", sql);
	abort();
}

void
wb_test_script(struct wb_test_conn *conn, const char *sql)
{
	wb_pg_script(conn->pg, sql, wb_test_on_done, conn);
	wait_done(conn, sql);
}

static void
keep_first(const struct wb_pg_result *result, void *arg)
{
	struct wb_test_conn *conn = arg;

	free(conn->selected);
	conn->selected =
	    wb_strdup(wb_pg_rows(result) > 0 ? wb_pg_text(result, 0, 0) : "");
}

const char *
wb_test_select(struct wb_test_conn *conn, const char *sql)
{
	/* A statement is prepared once per name and connection. */
	static unsigned n_names;
	char name[32];
	const struct wb_pg_stmt stmt = { .name = name, .sql = sql };

	(void)snprintf(name, sizeof(name), "test_select_%u", ++n_names);
	wb_pg_query(conn->pg, &stmt, NULL, keep_first, wb_test_on_done, conn);
	wait_done(conn, sql);
	if (conn->end != WB_TX_COMMITTED) {
		(void)fprintf(stderr, "%s: %s\n", sql, conn->message);
		abort();
	}
	return conn->selected;
}

/* ---- databases ---- */

static void
run_as_admin(const char *verb, const char *database)
{
	struct wb_test_conn admin = { 0 };
	struct wb_loop *loop = wb_loop_new();
	char *dsn = wb_strdup(wb_test_pg_dsn());
	struct wb_buf sql = { 0 };

	wb_buf_printf(&sql, "%s \"%s\"", verb, database);
	if (strncmp(verb, "DROP", 4) == 0)
		wb_buf_adds(&sql, " WITH (FORCE)");
	wb_test_conn_params(&admin, dsn);
	admin.params.tx_deadline_ms = 60000;
	admin.params.statement_timeout_ms = 60000;
	wb_test_conn_open(&admin, loop, "waybill-tests", NULL);
	wb_test_script(&admin, wb_buf_text(&sql));
	if (admin.end != WB_TX_COMMITTED) {
		(void)fprintf(stderr, "%s: %s\n", wb_buf_text(&sql),
		              admin.message);
		abort();
	}
	wb_test_conn_close(&admin);
	wb_buf_fini(&sql);
	free(dsn);
	wb_loop_free(loop);
}

void
wb_test_database_create(const char *database)
{
	wb_test_database_drop(database);
	run_as_admin("CREATE DATABASE", database);
}

void
wb_test_database_drop(const char *database)
{
	run_as_admin("DROP DATABASE IF EXISTS", database);
}
