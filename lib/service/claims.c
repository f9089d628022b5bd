/* The claim loop. */
#include "service/claims.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/service.h"

#include <stdlib.h>

#define CLAIMS_MAGIC 0x5A6AC1A1u

/* More wait for the next transaction. */
enum { MOST_RECORDED = 500 };

struct list {
	struct wb_claim *first, *last;
	size_t n;
};

/* A claim is in one of the lists:
 * claimed    its claim has not committed yet
 * under_way  its call has begun
 * ended      its outcome waits to be recorded, or is being recorded */
struct wb_claims {
	unsigned magic;
	const struct wb_claims_ops *ops;
	struct wb_claims_config config;
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_timer poll, turn;
	struct list claimed, under_way, ended;
	struct wb_tx *tx; /* of the claim in flight, or NULL */
	int64_t n_asked;
	size_t n_recording;
	bool is_claim_wanted;
	int64_t upkeep_due_us;
	wb_loop_fn drained; /* NULL: not draining */
	void *drained_arg;
};

/* ---- lists ---- */

static void
append(struct list *list, struct wb_claim *claim)
{
	claim->next = NULL;
	claim->before = list->last;
	if (list->last != NULL)
		list->last->next = claim;
	else
		list->first = claim;
	list->last = claim;
	list->n++;
}

static void
take_out(struct list *list, struct wb_claim *claim)
{
	if (claim->before != NULL)
		claim->before->next = claim->next;
	else
		list->first = claim->next;
	if (claim->next != NULL)
		claim->next->before = claim->before;
	else
		list->last = claim->before;
	list->n--;
}

/* The first n. */
static void
free_some(struct wb_claims *claims, struct list *list, size_t n)
{
	struct wb_claim *claim = list->first, *next;

	list->n -= n;
	for (; n > 0; n--, claim = next) {
		next = claim->next;
		claims->ops->fini(claim);
		free(claim);
	}
	list->first = claim;
	if (claim != NULL)
		claim->before = NULL;
	else
		list->last = NULL;
}

static void
free_all(struct wb_claims *claims, struct list *list)
{
	free_some(claims, list, list->n);
}

/* ---- claiming ---- */

static void
on_claimed(const struct wb_pg_result *result, void *arg)
{
	struct wb_claims *claims;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		struct wb_claim *claim = wb_zalloc(claims->ops->claim_bytes);

		claims->ops->read(result, row, claim);
		append(&claims->claimed, claim);
	}
}

/* Calls begin only once the claim is durable. If that is not known they don't:
 * what was claimed is due again when its lease has run out. */
static void
on_claim_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_claims *claims;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	claims->tx = NULL;
	if (outcome->end != WB_TX_COMMITTED)
		free_all(claims, &claims->claimed);
	else if ((int64_t)claims->claimed.n == claims->n_asked)
		claims->is_claim_wanted = true;
	while (claims->claimed.n > 0) {
		struct wb_claim *claim = claims->claimed.first;

		take_out(&claims->claimed, claim);
		append(&claims->under_way, claim);
		claims->ops->begin(claim);
	}
	wb_timer_start_ms(&claims->turn, 0);
}

static void
claim_more(struct wb_claims *claims, int64_t n)
{
	claims->is_claim_wanted = false;
	claims->n_asked = n;
	wb_pg_args_clear(claims->args);
	wb_pg_arg_i32(claims->args, (int32_t)n);
	wb_pg_arg_i64(claims->args, claims->config.lease_ms);
	claims->tx = wb_tx_begin(claims->pg, on_claim_done, claims);
	wb_tx_query(claims->tx, claims->ops->claim, claims->args, on_claimed,
	            claims);
	wb_tx_commit(claims->tx);
}

/* ---- recording ---- */

/* If it is not known to have happened the next poll tries again. */
static void
on_recorded(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_claims *claims;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	if (outcome->end != WB_TX_COMMITTED) {
		wb_log_warn(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		            outcome->stmt, outcome->sqlstate, outcome->message);
		return;
	}
	free_some(claims, &claims->ended, claims->n_recording);
	wb_timer_start_ms(&claims->turn, 0);
}

static void
record(struct wb_claims *claims)
{
	claims->n_recording =
	    claims->ended.n < MOST_RECORDED ? claims->ended.n : MOST_RECORDED;
	claims->ops->record(wb_tx_begin(claims->pg, on_recorded, claims),
	                    claims->ended.first, claims->n_recording);
}

/* ---- upkeep ---- */

static void
on_kept_up(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_claims *claims;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	if (outcome->end != WB_TX_COMMITTED)
		wb_log_warn(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		            outcome->stmt, outcome->sqlstate, outcome->message);
	wb_timer_start_ms(&claims->turn, 0);
}

static bool
is_upkeep_due(const struct wb_claims *claims)
{
	return claims->ops->upkeep != NULL && claims->drained == NULL &&
	       wb_mono_us() >= claims->upkeep_due_us;
}

static void
keep_up(struct wb_claims *claims)
{
	claims->upkeep_due_us = wb_mono_us() + claims->config.upkeep_ms * 1000;
	claims->ops->upkeep(wb_tx_begin(claims->pg, on_kept_up, claims));
}

/* ---- the one place that begins work: outcomes first, then new calls ---- */

static bool
is_drained(const struct wb_claims *claims)
{
	return claims->drained != NULL && claims->tx == NULL &&
	       claims->under_way.n == 0 && claims->ended.n == 0;
}

static void
on_turn(void *arg)
{
	struct wb_claims *claims;
	int64_t room;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	if (is_drained(claims)) {
		claims->drained(claims->drained_arg);
		return;
	}
	if (!wb_pg_is_idle(claims->pg))
		return;
	if (claims->ended.n > 0) {
		record(claims);
		return;
	}
	if (is_upkeep_due(claims)) {
		keep_up(claims);
		return;
	}
	room = claims->config.max_calls - (int64_t)claims->under_way.n;
	if (!claims->is_claim_wanted || claims->drained != NULL || room <= 0)
		return;
	if (claims->ops->allow != NULL)
		room = claims->ops->allow(room);
	if (room > 0)
		claim_more(claims, room);
}

static void
on_poll(void *arg)
{
	struct wb_claims *claims;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	wb_timer_start_ms(&claims->poll, claims->config.poll_ms);
	claims->is_claim_wanted = true;
	on_turn(claims);
}

static void
on_ready(void *arg)
{
	struct wb_claims *claims;

	WB_CAST(claims, arg, CLAIMS_MAGIC);
	wb_claims_wake(claims);
}

/* ---- public ---- */

struct wb_claims *
wb_claims_new(struct wb_loop *loop, const struct wb_claims_ops *ops,
              const struct wb_claims_config *config,
              const struct wb_pg_params *pg)
{
	/* lib/pg logs a loss; on_ready goes on. */
	static const struct wb_pg_events events = { .on_ready = on_ready };
	struct wb_claims *claims = wb_zalloc(sizeof(*claims));

	claims->magic = CLAIMS_MAGIC;
	claims->ops = ops;
	claims->config = *config;
	claims->args = wb_pg_args_new();
	wb_timer_init(&claims->poll, loop, on_poll, claims);
	wb_timer_init(&claims->turn, loop, on_turn, claims);
	claims->pg =
	    wb_pg_new(loop, pg, wb_service_instance(), &events, claims);
	wb_pg_pin_plans(claims->pg);
	wb_timer_start_ms(&claims->poll, config->poll_ms);
	return claims;
}

void
wb_claims_free(struct wb_claims *claims)
{
	if (claims == NULL)
		return;
	WB_ASSERT(claims->magic == CLAIMS_MAGIC);
	wb_pg_free(claims->pg);
	wb_timer_fini(&claims->poll);
	wb_timer_fini(&claims->turn);
	wb_pg_args_free(claims->args);
	free_all(claims, &claims->claimed);
	free_all(claims, &claims->under_way);
	free_all(claims, &claims->ended);
	claims->magic = 0;
	free(claims);
}

void
wb_claims_wake(struct wb_claims *claims)
{
	claims->is_claim_wanted = true;
	wb_timer_start_ms(&claims->turn, 0);
}

void
wb_claims_end(struct wb_claims *claims, struct wb_claim *claim)
{
	take_out(&claims->under_way, claim);
	append(&claims->ended, claim);
	wb_timer_start_ms(&claims->turn, 0);
}

void
wb_claims_drain(struct wb_claims *claims, wb_loop_fn done, void *arg)
{
	claims->drained = done;
	claims->drained_arg = arg;
	wb_timer_start_ms(&claims->turn, 0);
}
