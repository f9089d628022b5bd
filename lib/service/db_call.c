#include "service/db_call.h"

#include "base/log.h"
#include "base/mem.h"
#include "service/idempotency.h"
#include "service/reply_headers.h"

#include <stdlib.h>

#define CALL_MAGIC 0x44424331u

/* A conflict or a loss is rare; five in a row are a database in trouble. */
#define MAX_TRIES 5

struct call {
	struct wb_db_call public; /* first: a call is known by it */
	unsigned magic;
	struct wb_db *db;
	struct call *prev, *next;
	struct wb_http_request *request; /* NULL: the client has gone */
	const struct wb_db_work *work;
	struct wb_idem *key;         /* NULL: none was given */
	struct wb_idem_batch *batch; /* of that one key */
	unsigned n_tries;
	bool is_unknown; /* a commit's end was never learnt */
};

struct wb_db {
	struct wb_pg_pool *pool;
	struct call *calls;
};

static void begin(struct wb_pg *pg, void *arg);

void
wb_http_unavailable(struct wb_http_request *request, const char *slug,
                    const char *detail)
{
	wb_http_set_header(request, "Retry-After", "1");
	wb_http_problem(request, 503, slug, detail);
}

static void
free_call(struct call *call)
{
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		call->db->calls = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	wb_idem_batch_free(call->batch);
	wb_idem_free(call->key);
	wb_arena_free(call->public.arena);
	wb_buf_fini(&call->public.headers);
	wb_buf_fini(&call->public.body);
	free(call->public.state);
	call->magic = 0;
	free(call);
}

/* ---- the answer ---- */

static void
answer(struct call *call)
{
	struct wb_db_call *public = &call->public;

	if (call->request == NULL)
		return;
	if (call->key != NULL && wb_idem_end(call->key) != WB_IDEM_NEW) {
		wb_idem_answer(call->key, call->request);
	} else if (public->status == 0) {
		call->work->answer(public, call->request);
	} else {
		wb_reply_headers(call->request, wb_buf_text(&public->headers));
		wb_http_reply_json(call->request, public->status,
		                   wb_buf_text(&public->body),
		                   public->body.len);
	}
}

static void
answer_unavailable(struct call *call)
{
	if (call->request == NULL)
		return;
	if (call->is_unknown)
		wb_http_unavailable(call->request, "outcome-unknown",
		                    "The database went away before it said "
		                    "whether this was done.");
	else
		wb_http_unavailable(call->request, NULL,
		                    "The database can't be reached at the "
		                    "moment.");
}

static void
answer_failed(struct call *call, const struct wb_tx_outcome *outcome)
{
	if (call->request == NULL)
		return;
	wb_log_error(WB_LOG_HTTP_ERROR,
	             "request_id=%s stmt=%s sqlstate=%s err=%s",
	             wb_http_request_id(call->request), outcome->stmt,
	             outcome->sqlstate, wb_err_name(outcome->err));
	wb_http_problem(call->request, 500, NULL,
	                "The request failed inside; see request_id.");
}

/* ---- one try ---- */

static void
take(struct call *call)
{
	call->n_tries++;
	wb_pg_pool_take(call->db->pool, begin, call);
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	bool is_passing = wb_err_verdict(outcome->err) == WB_WAIT;
	struct call *call = NULL;

	WB_CAST(call, arg, CALL_MAGIC);
	call->public.tx = NULL;
	if (outcome->end == WB_TX_UNKNOWN)
		call->is_unknown = true;
	if (outcome->err == WB_OK) {
		answer(call);
	} else if ((call->is_unknown || is_passing) && call->request != NULL &&
	           call->n_tries < MAX_TRIES) {
		take(call);
		return;
	} else if (call->is_unknown || is_passing) {
		answer_unavailable(call);
	} else {
		answer_failed(call, outcome);
	}
	free_call(call);
}

static void
on_key_found(void *arg)
{
	struct call *call = NULL;

	WB_CAST(call, arg, CALL_MAGIC);
	if (wb_idem_end(call->key) == WB_IDEM_NEW)
		call->work->run(&call->public);
	else
		wb_tx_rollback(call->public.tx);
}

static void
find_key(struct call *call)
{
	wb_idem_batch_clear(call->batch);
	wb_idem_batch_add(call->batch, call->key);
	(void)wb_idem_batch_find(call->batch, call->public.tx,
	                         call->n_tries > 1, on_key_found,
	                         call); /* there is one */
	wb_tx_flush(call->public.tx);
}

static void
begin(struct wb_pg *pg, void *arg)
{
	struct call *call = NULL;

	WB_CAST(call, arg, CALL_MAGIC);
	if (pg == NULL) {
		answer_unavailable(call);
		free_call(call);
		return;
	}
	wb_buf_clear(&call->public.headers);
	wb_buf_clear(&call->public.body);
	call->public.status = 0;
	call->public.tx = wb_tx_begin(pg, on_done, call);
	if (call->key != NULL)
		find_key(call);
	else
		call->work->run(&call->public);
}

/* What has begun is finished, without an answer. */
static void
on_gone(void *arg)
{
	struct call *call = NULL;

	WB_CAST(call, arg, CALL_MAGIC);
	call->request = NULL;
	if (call->public.tx != NULL)
		return;
	wb_pg_pool_forget(call->db->pool, call);
	free_call(call);
}

struct wb_db_call *
wb_db_call_new(struct wb_db *db, struct wb_http_request *request,
               const struct wb_db_work *work)
{
	struct call *call = wb_zalloc(sizeof(*call));

	call->magic = CALL_MAGIC;
	call->db = db;
	call->request = request;
	call->work = work;
	call->public.state = wb_zalloc(work->state_bytes);
	call->public.arena = wb_arena_new();
	call->next = db->calls;
	if (call->next != NULL)
		call->next->prev = call;
	db->calls = call;
	return &call->public;
}

void
wb_db_call_start(struct wb_db_call *public)
{
	struct call *call = NULL;

	WB_CAST(call, (void *)public, CALL_MAGIC);
	if (call->work->takes_key && !wb_idem_take(call->request, &call->key)) {
		free_call(call);
		return;
	}
	if (call->key != NULL)
		call->batch = wb_idem_batch_new();
	wb_http_on_gone(call->request, on_gone, call);
	take(call);
}

void
wb_db_call_header(struct wb_db_call *public, const char *name,
                  const char *value)
{
	wb_buf_printf(&public->headers, "%s: %s\n", name, value);
}

void
wb_db_call_commit(struct wb_db_call *public)
{
	struct call *call = NULL;

	WB_CAST(call, (void *)public, CALL_MAGIC);
	if (call->key != NULL && public->status / 100 == 2) {
		wb_idem_batch_keep(call->batch, call->key,
		                   &(struct wb_idem_answer){
		                       .status = public->status,
		                       .headers = wb_buf_text(&public->headers),
		                       .body = wb_buf_text(&public->body),
		                       .body_bytes = public->body.len,
		                   });
		wb_idem_batch_store(call->batch, public->tx);
	}
	wb_tx_commit(public->tx);
}

struct wb_pg_pool *
wb_db_pool(struct wb_db *db)
{
	return db->pool;
}

const struct wb_uuid *
wb_db_call_only_customer(const struct wb_db_call *call,
                         const struct wb_http_request *request)
{
	const struct wb_uuid *only = wb_http_only_customer(request);
	struct wb_uuid *copy;

	if (only == NULL)
		return NULL;
	copy = wb_arena_alloc(call->arena, sizeof(*copy));
	*copy = *only;
	return copy;
}

/* ---- the database ---- */

void
wb_db_free(struct wb_db *db)
{
	if (db == NULL)
		return;
	wb_pg_pool_free(db->pool);
	/* clang's analyzer misses that it leaves the list. */
	while (db->calls != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		free_call(db->calls);
	free(db);
}

struct wb_db *
wb_db_new(struct wb_loop *loop, const struct wb_pg_params *params,
          const struct wb_pg_pool_params *limits, const char *application_name)
{
	struct wb_db *db = wb_zalloc(sizeof(*db));

	db->pool = wb_pg_pool_new(loop, params, limits, application_name);
	return db;
}
