/* main() of a process that serves an API from its service's own database. */
#ifndef WB_PRODUCERS_PRODUCER_H
#define WB_PRODUCERS_PRODUCER_H

#include "http/server.h"
#include "pg/pg.h"
#include "service/db_call.h"

#define PRODUCER_EXTRA_SETS 4

/* What such a process does beside answering from the pool. Every call may be
 * NULL. */
struct producer_extra {
	/* Its parameters, filled before start. */
	const struct wb_param_set *params;
	size_t n_params; /* at most PRODUCER_EXTRA_SETS */
	/* db: the one that the routes have. */
	void (*start)(struct wb_loop *loop, const struct wb_pg_params *pg,
	              struct wb_db *db);
	/* Told to stop: answer at once what waits for something to happen. */
	void (*hurry)(void);
	/* All requests are answered: finish what is in hand, call done(arg). */
	void (*drain)(wb_loop_fn done, void *arg);
	/* The server is gone; also after a start that failed. */
	void (*stop)(void);
};

struct producer {
	const char *name;                   /* of the process: "catalog-api" */
	const char *usage;                  /* a sentence for --help */
	const struct wb_http_route *routes; /* arg: the struct wb_db */
	const struct producer_extra *extra; /* NULL = nothing */
};

/* Parameters: pg, pool, http, auth, idempotency, and those of extra. Returns
 * the exit status. */
int producer_main(const struct producer *producer, int argc, char **argv);

#endif
