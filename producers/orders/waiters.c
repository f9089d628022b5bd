#include "waiters.h"

#include "live_params.h"
#include "order_view.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "service/service.h"

#include <stdlib.h>

/* While a query takes t, the next one begins 4 t after it: the look-ups of many
 * waiters never take more than a fifth of a connection. */
#define REST 4

static struct {
	struct wb_loop *loop;
	struct wb_pg *pg;
	struct wb_timer timer; /* of the next query */
	struct waiter *first;
	size_t n;
	bool is_closed;
	struct wb_gauge *n_waiting;

	/* The query in flight. */
	bool is_asking;
	struct waiter **asked; /* by position - 1; NULL: removed since */
	size_t n_asked, cap_asked;
	struct wb_pg_args *args;
	int64_t began_us;
} waiters;

static const struct wb_pg_stmt find_news = {
	.name = "find_news",
	.sql = "SELECT " ORDER_COLUMNS ", position FROM unnest($1::uuid[],"
	       " $2::bigint[], $3::bool[]) WITH ORDINALITY"
	       " AS w (asked_id, seen, for_end, position)"
	       " JOIN orders ON order_id = asked_id"
	       " WHERE version > seen AND (status <> 'PENDING' OR NOT for_end)",
};

static void
on_found(const struct wb_pg_result *result, void *arg)
{
	(void)arg;
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		size_t position =
		    (size_t)wb_pg_i64(result, row, ORDER_COLUMN_COUNT);
		struct waiter *waiter = waiters.asked[position - 1];

		if (waiter == NULL)
			continue;
		waiter->version = order_view_version(result, row);
		waiter->on_news(waiter, result, row);
	}
}

/* After a failure, too: the connection comes back by itself. */
static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	int64_t took_us = wb_mono_us() - waiters.began_us;
	int64_t rest_us = live_params.poll_ms * 1000;

	(void)outcome;
	(void)arg;
	for (size_t i = 0; i < waiters.n_asked; i++)
		if (waiters.asked[i] != NULL)
			waiters.asked[i]->position = 0;
	waiters.n_asked = 0;
	waiters.is_asking = false;
	if (rest_us < took_us * REST)
		rest_us = took_us * REST;
	if (waiters.first != NULL)
		wb_timer_start_us(&waiters.timer, rest_us);
}

static void
reserve_asked(void)
{
	if (waiters.n <= waiters.cap_asked)
		return;
	waiters.cap_asked = waiters.n * 2;
	waiters.asked = wb_realloc(waiters.asked,
	                           waiters.cap_asked * sizeof(struct waiter *));
}

static void
ask(void)
{
	struct wb_pg_args *args = waiters.args;
	size_t ids = 0, seen = 0, for_end = 0;

	wb_pg_args_clear(args);
	ids = wb_pg_arg_array(args, WB_PG_UUID);
	seen = wb_pg_arg_array(args, WB_PG_INT8);
	for_end = wb_pg_arg_array(args, WB_PG_BOOL);
	reserve_asked();
	for (struct waiter *w = waiters.first; w != NULL; w = w->next) {
		wb_pg_elem_uuid(args, ids, &w->order_id);
		wb_pg_elem_i64(args, seen, w->version);
		wb_pg_elem_bool(args, for_end, w->for_end);
		waiters.asked[waiters.n_asked++] = w;
		w->position = waiters.n_asked;
	}
	waiters.is_asking = true;
	waiters.began_us = wb_mono_us();
	wb_pg_query(waiters.pg, &find_news, args, on_found, on_done, NULL);
}

static void
tell_due(void)
{
	int64_t now_us = wb_mono_us();
	struct waiter *waiter = NULL, *next = NULL;

	for (waiter = waiters.first; waiter != NULL; waiter = next) {
		next = waiter->next;
		if (waiter->due_us <= now_us)
			waiter->on_due(waiter);
	}
}

static void
on_timer(void *arg)
{
	(void)arg;
	tell_due();
	if (waiters.first == NULL)
		return;
	if (wb_pg_is_idle(waiters.pg))
		ask();
	else
		wb_timer_start_ms(&waiters.timer, live_params.poll_ms);
}

bool
waiters_have_room(void)
{
	return !waiters.is_closed &&
	       (int64_t)waiters.n < live_params.max_waiting;
}

void
waiters_add(struct waiter *waiter)
{
	waiter->prev = NULL;
	waiter->next = waiters.first;
	waiter->position = 0;
	if (waiter->next != NULL)
		waiter->next->prev = waiter;
	waiters.first = waiter;
	waiters.n++;
	wb_gauge_set(waiters.n_waiting, (double)waiters.n);
	if (!waiters.is_asking && !wb_timer_is_pending(&waiters.timer))
		wb_timer_start_ms(&waiters.timer, live_params.poll_ms);
}

void
waiters_remove(struct waiter *waiter)
{
	if (waiter->prev != NULL)
		waiter->prev->next = waiter->next;
	else
		waiters.first = waiter->next;
	if (waiter->next != NULL)
		waiter->next->prev = waiter->prev;
	if (waiter->position > 0)
		waiters.asked[waiter->position - 1] = NULL;
	waiters.n--;
	wb_gauge_set(waiters.n_waiting, (double)waiters.n);
}

void
waiters_hurry(void)
{
	struct waiter *waiter = NULL, *next = NULL;

	waiters.is_closed = true;
	for (waiter = waiters.first; waiter != NULL; waiter = next) {
		next = waiter->next;
		if (waiter->for_end)
			waiter->on_due(waiter);
	}
}

void
waiters_start(struct wb_loop *loop, const struct wb_pg_params *pg)
{
	static const struct wb_pg_events events;

	waiters.loop = loop;
	waiters.args = wb_pg_args_new();
	waiters.n_waiting =
	    wb_gauge("wb_orders_waiting_requests", "",
	             "Requests that wait for an order to move on.");
	wb_timer_init(&waiters.timer, loop, on_timer, NULL);
	waiters.pg = wb_pg_new(loop, pg, wb_service_instance(), &events, NULL);
	wb_pg_pin_plans(waiters.pg);
}

void
waiters_stop(void)
{
	if (waiters.pg == NULL)
		return;
	wb_pg_free(waiters.pg);
	waiters.pg = NULL;
	wb_timer_fini(&waiters.timer);
	wb_pg_args_free(waiters.args);
	free(waiters.asked);
}
