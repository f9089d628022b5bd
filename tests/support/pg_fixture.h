/* For tests against Postgres: a database of their own on the server of
 * WB_TEST_PG_DSN, a loop that is run until something has happened, and a
 * connection whose events are counted. */
#ifndef WB_TESTS_PG_FIXTURE_H
#define WB_TESTS_PG_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "pg/pg.h"

/* Longest wait for anything that should happen. */
#define WB_TEST_WAIT_MS INT64_C(60000)

/* WB_TEST_PG_DSN; without it the program leaves with 77 (skipped). */
const char *wb_test_pg_dsn(void);

/* That DSN with another database; freed by the caller. */
char *wb_test_pg_dsn_of(const char *database);

/* By the pooler of WB_TEST_POOLER (host:port), if the test is run behind one;
 * else the same as above. */
char *wb_test_pg_tested_dsn_of(const char *database);

/* Make it anew; drop it, with whoever is connected. Blocking. */
void wb_test_database_create(const char *database);
void wb_test_database_drop(const char *database);

/* Runs the loop until *n_events >= n; false past WB_TEST_WAIT_MS. */
bool wb_test_run_until(struct wb_loop *loop, const size_t *n_events, size_t n);

/* Runs the loop for so long. */
void wb_test_run_for(struct wb_loop *loop, int64_t ms);

/* What a connection has done so far. */
struct wb_test_conn {
	struct wb_loop *loop;
	struct wb_pg_params params;
	struct wb_pg *pg;
	size_t n_ready, n_lost, n_notified, n_done;
	char why[256];                 /* of the last loss */
	char channel[64], payload[64]; /* of the last notification */
	/* Of the last transaction. */
	enum wb_tx_end end;
	enum wb_err err;
	char sqlstate[6], message[256], stmt[64];
	char *selected; /* by wb_test_select */
};

/* Generous time limits, then connected. first_sql is run then, NULL = none. */
void wb_test_conn_params(struct wb_test_conn *conn, char *dsn);
void wb_test_conn_open(struct wb_test_conn *conn, struct wb_loop *loop,
                       const char *name, const char *first_sql);
void wb_test_conn_close(struct wb_test_conn *conn);

/* Counts and keeps the outcome; arg is the struct wb_test_conn. */
void wb_test_on_done(const struct wb_tx_outcome *outcome, void *arg);

/* Runs SQL (several statements allowed); the end is in conn. */
void wb_test_script(struct wb_test_conn *conn, const char *sql);

/* The first column of the first row as text, "" for no row; valid until the
 * next. */
const char *wb_test_select(struct wb_test_conn *conn, const char *sql);

#endif
