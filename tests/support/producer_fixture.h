/* For tests of the processes that serve an API: a database of the service's,
 * migrated by `waybill migrate`, the shipped binary as a child process on free
 * ports, which has the rights of the service's own role, and requests to it.
 * Whatever goes wrong here fails the test. */
#ifndef WB_TESTS_PRODUCER_FIXTURE_H
#define WB_TESTS_PRODUCER_FIXTURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/cut_proxy.h"
#include "support/http_peer.h"
#include "support/pg_fixture.h"

struct wb_test_producer {
	const char *service; /* "orders" */
	char database[64];
	struct wb_loop *loop;
	struct wb_test_conn db;     /* the superuser's */
	struct wb_cut_proxy *proxy; /* to Postgres; NULL = none */
	char log[80];               /* path of the child's output */
	pid_t pid;                  /* 0: not running */
	uint16_t port, admin_port;
	struct wb_test_reply reply; /* the last */
};

/* Leaves with 77 without WB_TEST_PG_DSN. */
void wb_test_producer_open(struct wb_test_producer *p, const char *service);
void
wb_test_producer_close(struct wb_test_producer *p); /* drops the database */

/* From the next start on, the child talks to Postgres through p->proxy, which
 * runs in p->loop: use asynchronous requests then. */
void wb_test_producer_proxy(struct wb_test_producer *p);

/* more: further arguments, NULL-ended, or NULL. Returns when it listens. */
void wb_test_producer_start(struct wb_test_producer *p, const char *binary,
                            const char *const *more);

/* Runs the loop until GET /ready gives the status. */
void wb_test_producer_until_ready(struct wb_test_producer *p, int status);

/* SIGTERM; it must drain and leave with 0. */
void wb_test_producer_stop(struct wb_test_producer *p);

/* The second half of that. */
void wb_test_producer_wait(struct wb_test_producer *p);

/* One blocking request; its answer is in p->reply. headers: whole lines, each
 * with its line end. body: NULL = none; with one, headers NULL means
 * Content-Type: application/json. Returns the status. */
int wb_test_ask(struct wb_test_producer *p, const char *method,
                const char *path, const char *headers, const char *body);

/* That the last answer is a problem+json with this status and, unless NULL,
 * this pointer among its errors. */
void wb_test_is_problem(const struct wb_test_producer *p, int status,
                        const char *pointer);

/* That the last body holds the text. */
void wb_test_has(const struct wb_test_producer *p, const char *text);

/* Copies the text member of the last body into value. */
void wb_test_member(const struct wb_test_producer *p, const char *name,
                    char *value, size_t bytes);

/* The target of the last answer's Link: <?…>; rel="next", behind list, goes to
 * path. */
void wb_test_next_link(const struct wb_test_producer *p, const char *list,
                       char *path, size_t bytes);

/* That the query gives this text. */
void wb_test_sql_is(struct wb_test_producer *p, const char *sql,
                    const char *text);

#endif
