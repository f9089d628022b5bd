#include "accept.h"

#include "accept_params.h"
#include "lane.h"
#include "reply.h"

#include "base/clock.h"
#include "base/health.h"
#include "base/mem.h"

#include <stdlib.h>

/* How often unknown customers and SKUs are looked up again, and orders that
 * have waited too long are looked for. */
#define TICK_MS 50

static struct {
	struct wb_loop *loop;
	struct lane **lanes; /* accept_params.connections */
	struct wb_health *health;
	struct order_list queue; /* to be stored */
	struct order_list later; /* to be tried again at the next tick */
	struct wb_timer tick;    /* runs while one of them is not empty */
	bool is_kicked;          /* a dispatch is due in this turn */
	wb_loop_fn drained;      /* NULL until draining */
	void *drained_arg;
} acceptor;

/* ---- batches ---- */

static bool
fits(const struct order_list *batch, int64_t batch_bytes,
     const struct order *order)
{
	if (batch->n == 0)
		return true;
	return !batch->first->is_alone && !order->is_alone &&
	       (int64_t)batch->n < accept_params.batch_orders &&
	       batch_bytes + (int64_t)order->body_bytes <=
	           accept_params.batch_bytes;
}

static void
run_batch(struct lane *lane)
{
	struct order_list batch = { 0 };
	struct order *order = NULL;
	int64_t bytes = 0;

	while ((order = acceptor.queue.first) != NULL &&
	       fits(&batch, bytes, order)) {
		order_list_remove(order);
		order_list_push(&batch, order);
		bytes += (int64_t)order->body_bytes;
	}
	lane_run(lane, &batch);
}

static void
dispatch(void)
{
	for (int64_t i = 0; i < accept_params.connections; i++)
		if (acceptor.queue.n > 0 && lane_is_free(acceptor.lanes[i]))
			run_batch(acceptor.lanes[i]);
	if ((acceptor.queue.n > 0 || acceptor.later.n > 0) &&
	    !wb_timer_is_pending(&acceptor.tick))
		wb_timer_start_ms(&acceptor.tick, TICK_MS);
}

static void
give_up_late_ones(void)
{
	int64_t now_us = wb_mono_us();
	struct order *order = NULL, *next = NULL;

	for (order = acceptor.queue.first; order != NULL; order = next) {
		next = order->next;
		if (order->wait_until_us > now_us)
			continue;
		order_list_remove(order);
		reply_unavailable(order);
		order_free(order);
	}
}

static void
on_tick(void *arg)
{
	(void)arg;
	order_list_prepend(&acceptor.queue, &acceptor.later);
	give_up_late_ones();
	dispatch();
}

/* ---- what the lanes tell ---- */

static void
on_change(void *arg, const char *why)
{
	bool is_ready = false;

	(void)arg;
	for (int64_t i = 0; i < accept_params.connections; i++)
		is_ready |= lane_is_ready(acceptor.lanes[i]);
	wb_health_set(acceptor.health, is_ready, "%s",
	              is_ready ? "connected" : why);
	dispatch();
}

static void
on_later(void *arg, struct order *order)
{
	(void)arg;
	order->has_run = true;
	order_list_push(&acceptor.later, order);
}

/* The database refused this very order, for good. */
static bool
is_hopeless(const struct order *order, bool is_single,
            const struct wb_tx_outcome *outcome)
{
	/* With an unknown commit behind it, a refusal may be that commit's
	 * arrival: the next look will find it. */
	return is_single && !order->is_unknown &&
	       wb_err_verdict(outcome->err) != WB_WAIT;
}

/* A loss is nobody's fault: the same batch again. Otherwise one by one; and one
 * that fails by itself not at once. */
static void
on_failed(void *arg, struct order_list *batch,
          const struct wb_tx_outcome *outcome)
{
	bool is_single = batch->n == 1;
	bool is_lost =
	    outcome->err == WB_ERR_DB_LOST || outcome->err == WB_ERR_DB_TIMEOUT;
	struct order *order = NULL, *next = NULL;

	(void)arg;
	for (order = batch->first; order != NULL; order = next) {
		next = order->next;
		order->has_run = true;
		order->is_unknown |= outcome->end == WB_TX_UNKNOWN;
		order->is_alone |= !is_lost;
		if (order->request != NULL &&
		    !is_hopeless(order, is_single, outcome))
			continue;
		order_list_remove(order);
		reply_failed(order);
		order_free(order);
	}
	order_list_prepend(
	    is_single && !is_lost ? &acceptor.later : &acceptor.queue, batch);
}

static bool
is_busy(void)
{
	for (int64_t i = 0; i < accept_params.connections; i++)
		if (lane_is_busy(acceptor.lanes[i]))
			return true;
	return false;
}

static void
on_end(void *arg)
{
	(void)arg;
	dispatch();
	if (acceptor.drained != NULL && !is_busy())
		acceptor.drained(acceptor.drained_arg);
}

static const struct lane_events lane_events = {
	.on_change = on_change,
	.on_later = on_later,
	.on_failed = on_failed,
	.on_end = on_end,
};

/* ---- orders ---- */

/* What is in a transaction goes on, unanswered. */
static void
on_gone(void *arg)
{
	struct order *order = arg;

	order->request = NULL;
	if (order->list != &acceptor.queue && order->list != &acceptor.later)
		return;
	order_list_remove(order);
	order_free(order);
}

static void
on_kick(void *arg)
{
	(void)arg;
	acceptor.is_kicked = false;
	dispatch();
}

void
accept_submit(struct order *order)
{
	int64_t now_us = wb_mono_us();

	if ((int64_t)(acceptor.queue.n + acceptor.later.n) >=
	    accept_params.waiting) {
		reply_unavailable(order);
		order_free(order);
		return;
	}
	order->wait_until_us = now_us + accept_params.wait_ms * 1000;
	order->lookup_until_us = now_us + accept_params.lookup_wait_ms * 1000;
	wb_http_on_gone(order->request, on_gone, order);
	order_list_push(&acceptor.queue, order);
	/* What else has arrived in this turn goes along. */
	if (!acceptor.is_kicked)
		wb_loop_defer(acceptor.loop, on_kick, &acceptor);
	acceptor.is_kicked = true;
}

/* ---- life ---- */

void
accept_start(struct wb_loop *loop, const struct wb_pg_params *pg)
{
	acceptor.loop = loop;
	acceptor.health = wb_health("postgres for orders");
	wb_timer_init(&acceptor.tick, loop, on_tick, NULL);
	acceptor.lanes = wb_zalloc((size_t)accept_params.connections *
	                           sizeof(struct lane *));
	for (int64_t i = 0; i < accept_params.connections; i++)
		acceptor.lanes[i] =
		    lane_new(loop, pg, accept_params.order_deadline_ms,
		             &lane_events, NULL);
}

void
accept_drain(wb_loop_fn done, void *arg)
{
	acceptor.drained = done;
	acceptor.drained_arg = arg;
	if (!is_busy())
		done(arg);
}

static void
free_all(struct order_list *list)
{
	struct order *order = NULL;

	while ((order = list->first) != NULL) {
		order_list_remove(order);
		order_free(order);
	}
}

void
accept_stop(void)
{
	if (acceptor.lanes == NULL)
		return;
	for (int64_t i = 0; i < accept_params.connections; i++)
		lane_free(acceptor.lanes[i]);
	free(acceptor.lanes);
	acceptor.lanes = NULL;
	wb_loop_undefer(acceptor.loop, &acceptor);
	wb_timer_fini(&acceptor.tick);
	free_all(&acceptor.queue);
	free_all(&acceptor.later);
}
