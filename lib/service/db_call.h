/* HTTP requests that each need one transaction: the work of a route is a few
 * statements and an answer; waiting for a connection, a database that is gone,
 * a client that is gone and running again are done here. */
#ifndef WB_SERVICE_DB_CALL_H
#define WB_SERVICE_DB_CALL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "http/server.h"
#include "pg/pool.h"

/* A pool and the calls that use it. */
struct wb_db;

/* Without answers: free the HTTP server first. */
void wb_db_free(struct wb_db *db);

/* params must outlive it. Health entry: "postgres". */
struct wb_db *wb_db_new(struct wb_loop *loop, const struct wb_pg_params *params,
                        const struct wb_pg_pool_params *limits,
                        const char *application_name) WB_OWNED_BY(wb_db_free);

/* One request on its way through the database. */
struct wb_db_call {
	void *state;            /* the route's own, zeroed at first */
	struct wb_arena *arena; /* lives as long as the call */
	struct wb_tx *tx;       /* during run and the results' callbacks */
	int status;             /* of the answer; 0 = see work->answer */
	struct wb_buf headers;  /* of the answer: see wb_db_call_header */
	struct wb_buf body;     /* JSON of the answer; filled by the route */
};

struct wb_db_work {
	size_t state_bytes;
	/* A route that changes something and knows its answer before the
	 * commit: it takes an Idempotency-Key, under which status, headers and
	 * body are stored by wb_db_call_commit, if status is 2xx. */
	bool takes_key;
	/* Adds the statements to call->tx. It, or a result's callback (whose
	 * arg is the call), ends with wb_db_call_commit, wb_tx_commit (of what
	 * takes no key) or wb_tx_rollback.
	 *
	 * Runs again from the start, with an empty answer, after a conflict, a
	 * lost connection, or a commit whose end is unknown: so it must find
	 * its own earlier commit, by ids that were made before the start. */
	void (*run)(struct wb_db_call *call);
	/* The transaction has ended as asked, and status is still 0: answers.
	 * NULL where status is always set. */
	void (*answer)(struct wb_db_call *call,
	               struct wb_http_request *request);
};

/* The caller fills state and starts it at once. work must be static. */
struct wb_db_call *wb_db_call_new(struct wb_db *db,
                                  struct wb_http_request *request,
                                  const struct wb_db_work *work);

/* From here on the request is answered by the call; texts of the request must
 * have been copied (into the call's arena), since it may go before the call
 * does. */
void wb_db_call_start(struct wb_db_call *call);

/* Adds a header to the answer, before the commit. */
void wb_db_call_header(struct wb_db_call *call, const char *name,
                       const char *value);

/* Stores the answer under the request's key, if it has one, and commits. */
void wb_db_call_commit(struct wb_db_call *call);

/* The connections, for work without a request. */
struct wb_pg_pool *wb_db_pool(struct wb_db *db);

/* wb_http_only_customer, copied into the call's arena: for a statement's
 * $n::uuid, which is NULL for everybody's. */
const struct wb_uuid *
wb_db_call_only_customer(const struct wb_db_call *call,
                         const struct wb_http_request *request);

/* 503 with Retry-After. */
void wb_http_unavailable(struct wb_http_request *request, const char *slug,
                         const char *detail);

#endif
