/* For tests of transactions: a connection under test beside an administrator's,
 * on a database with two tables. Behind a pooler (WB_TEST_POOLER) the former
 * goes through it.
 *   item: plain. lazy: its check runs at COMMIT, refuses 13, naps at 99. */
#ifndef WB_TESTS_PG_TX_H
#define WB_TESTS_PG_TX_H

#include "support/pg_fixture.h"

struct fixture {
	struct wb_test_conn conn, admin;
	struct wb_loop *loop;
	char *dsn, *tested_dsn;
	struct wb_pg_args *args;
	struct wb_tx *tx;
	size_t n_results;
	int64_t sum;
};

extern const struct wb_pg_stmt insert_stmt; /* INTO item, id and a name */
extern const struct wb_pg_stmt select_stmt; /* count and sum of item's ids */
extern const struct wb_pg_stmt divide_stmt; /* 1 by its parameter */
extern const struct wb_pg_stmt nap_stmt;    /* half a minute */
extern const struct wb_pg_stmt lazy_stmt;   /* INTO lazy */
extern const struct wb_pg_stmt wrong_stmt;  /* no SQL */

/* For cmocka: of each test, and of the group. */
int set_up(void **state);
int tear_down(void **state);
int make_database(void **state);
int drop_database(void **state);

/* Before anything else; leaves the program when there is no server. */
void name_database(const char *program);

/* Steps of the connection under test. */
void begin(struct fixture *f);
void add_row(struct fixture *f, const struct wb_pg_stmt *stmt, int64_t id);
void add_division(struct fixture *f, int32_t by);
void wait_end(struct fixture *f); /* of one transaction */
void wait_connected(struct fixture *f);

/* As the administrator. */
void check_rows(struct fixture *f, const char *table, const char *n_rows);

/* For select_stmt: counts, keeps the sum. */
void on_count(const struct wb_pg_result *result, void *arg);

#endif
