/* Idempotency-Key: a POST that is sent again under its key has its effect once
 * and gets the answer of the first time.
 *
 * A 2xx answer is stored in the transaction of its effect, under the route, the
 * caller and the key. Whoever comes with a key first locks it for the
 * transaction (an advisory lock: nobody waits, a second one is told 409), then
 * looks for its answer. Errors are not stored: they leave the key free, so that
 * the same request can be tried again under it. */
#ifndef WB_SERVICE_IDEMPOTENCY_H
#define WB_SERVICE_IDEMPOTENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/params.h"
#include "http/server.h"
#include "pg/pg.h"
#include "service/db_call.h"

extern const struct wb_param wb_idem_params_table[];
extern const size_t wb_idem_params_count;

/* Filled from the table before wb_idem_start; one per process. */
struct wb_idem_params {
	int64_t keep_hours;
};
extern struct wb_idem_params wb_idem_params;

/* Gives back days that are over, now and then, on connections of db (whose
 * database has schema/api/idempotency.sql). */
void wb_idem_start(struct wb_loop *loop, struct wb_db *db);
void wb_idem_stop(void); /* also after no start */

/* ---- one request's key ---- */

struct wb_idem;

/* The key is free again in this process; NULL is fine. */
void wb_idem_free(struct wb_idem *idem);

/* False: the request has been answered: 400 for a key that is none, 409 while
 * this process has another request under it. *ret_idem is NULL for a request
 * without a key; else it is the caller's until after the answer. */
bool wb_idem_take(struct wb_http_request *request,
                  struct wb_idem **ret_idem) WB_MUST_USE;

enum wb_idem_end {
	WB_IDEM_NEW,       /* nothing is stored: go on, then keep the answer */
	WB_IDEM_REPLAY,    /* here is the answer */
	WB_IDEM_MISUSED,   /* it was given for another payload: 422 */
	WB_IDEM_IN_FLIGHT, /* another process has a request under it: 409 */
};

/* Once the look-up is done. */
enum wb_idem_end wb_idem_end(const struct wb_idem *idem);

/* Answers the request, unless the end is NEW. */
void wb_idem_answer(const struct wb_idem *idem,
                    struct wb_http_request *request);

/* ---- the keys of a transaction ---- */

struct wb_idem_batch;

void wb_idem_batch_free(struct wb_idem_batch *batch);
struct wb_idem_batch *wb_idem_batch_new(void) WB_OWNED_BY(wb_idem_batch_free);
void wb_idem_batch_clear(struct wb_idem_batch *batch);

/* idem must live until done. */
void wb_idem_batch_add(struct wb_idem_batch *batch, struct wb_idem *idem);

/* Locks the keys and looks for their answers; then done. waits: for the end of
 * whoever holds one, at most the statement timeout, instead of saying
 * IN_FLIGHT: for a request that ran before, on a connection that was lost,
 * where the server may still be at it. False when nothing was added: then done
 * is not called. */
bool wb_idem_batch_find(struct wb_idem_batch *batch, struct wb_tx *tx,
                        bool waits, wb_loop_fn done, void *arg);

struct wb_idem_answer {
	int status;
	const char *headers; /* "Name: value\n" each; "" = none */
	const char *body;    /* JSON text */
	size_t body_bytes;
};

/* Copies the answer that is to be stored under a NEW key. */
void wb_idem_batch_keep(struct wb_idem_batch *batch, const struct wb_idem *idem,
                        const struct wb_idem_answer *answer);

/* Adds the INSERT of what was kept, if anything was. */
void wb_idem_batch_store(struct wb_idem_batch *batch, struct wb_tx *tx);

#endif
