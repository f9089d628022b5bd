#include "lane.h"

#include "insert.h"
#include "lookup.h"
#include "price.h"
#include "reply.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "service/service.h"

#include <stdlib.h>

#define LANE_MAGIC 0x4C414E45u

struct lane {
	unsigned magic;
	struct wb_pg *pg;
	const struct lane_events *events;
	void *arg;
	struct wb_counter *n_accepted, *n_batches;

	/* The batch in hand. */
	struct order_list batch;
	struct order_list decided; /* of it, without being stored */
	struct wb_tx *tx;          /* NULL: none */
	unsigned n_awaited;        /* answers before it can be decided */
	struct lookup *lookup;
	struct insert *insert;
	struct wb_idem_batch *keys;
};

static const struct wb_pg_stmt find_stored = {
	.name = "find_stored",
	.sql = "SELECT order_id FROM orders WHERE order_id = ANY ($1::uuid[])",
};

/* ---- third: insert ---- */

static void
keep_answer(struct lane *lane, const struct order *order)
{
	struct wb_buf headers = { 0 }, body = { 0 };
	struct wb_idem_answer answer = reply_print(order, &headers, &body);

	wb_idem_batch_keep(lane->keys, order->key, &answer);
	wb_buf_fini(&headers);
	wb_buf_fini(&body);
}

static void
insert(struct lane *lane)
{
	insert_clear(lane->insert);
	for (const struct order *order = lane->batch.first; order != NULL;
	     order = order->next) {
		if (order->is_stored)
			continue;
		insert_add(lane->insert, order);
		if (order->key != NULL)
			keep_answer(lane, order);
	}
	if (!insert_send(lane->insert, lane->tx)) {
		wb_tx_rollback(lane->tx);
		return;
	}
	wb_idem_batch_store(lane->keys, lane->tx);
	wb_tx_commit(lane->tx);
}

/* ---- second: keys and prices ---- */

/* It is answered when the transaction has ended: until then this holds the lock
 * of its key, and who asked again would hear that it is in flight. */
static void
decide(struct lane *lane, struct order *order)
{
	order_list_remove(order);
	order_list_push(&lane->decided, order);
}

static void
answer_decided(struct lane *lane)
{
	struct order *order = NULL;

	while ((order = lane->decided.first) != NULL) {
		order_list_remove(order);
		if (order->errors != NULL)
			reply_refused(order);
		else
			reply_by_key(order);
		order_free(order);
	}
}

/* What has an answer already, or is in the hands of others, leaves the
 * batch. */
static void
heed_key(struct lane *lane, struct order *order)
{
	enum wb_idem_end end = wb_idem_end(order->key);

	if (end == WB_IDEM_NEW)
		return;
	if (end == WB_IDEM_IN_FLIGHT && order->has_run) {
		/* Likely its own lock, of a transaction that has not ended or
		 * on a connection that was lost. */
		order_list_remove(order);
		lane->events->on_later(lane->arg, order);
		return;
	}
	decide(lane, order);
}

static void
price(struct lane *lane, struct order *order)
{
	struct wb_http_errors *errors = wb_http_errors_new();
	enum price_end end = price_order(order, lane->lookup, errors);

	if (end == PRICE_MISSING && wb_mono_us() < order->lookup_until_us) {
		order_list_remove(order);
		lane->events->on_later(lane->arg, order);
	} else if (end != PRICE_DONE) {
		order->errors = errors;
		decide(lane, order);
		return;
	}
	wb_http_errors_free(errors);
}

static void
on_answers(void *arg)
{
	struct lane *lane = NULL;
	struct order *order = NULL, *next = NULL;

	WB_CAST(lane, arg, LANE_MAGIC);
	if (--lane->n_awaited > 0)
		return;
	for (order = lane->batch.first; order != NULL; order = next) {
		next = order->next;
		if (order->key != NULL)
			heed_key(lane, order);
	}
	for (order = lane->batch.first; order != NULL; order = next) {
		next = order->next;
		if (order->data.len == 0)
			price(lane, order);
	}
	insert(lane);
}

/* ---- first: look up ---- */

static void
on_stored(const struct wb_pg_result *result, void *arg)
{
	struct lane *lane = NULL;

	WB_CAST(lane, arg, LANE_MAGIC);
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		struct wb_uuid id = wb_pg_uuid(result, row, 0);
		struct order *order = lane->batch.first;

		while (wb_uuid_compare(&order->id, &id) != 0)
			order = order->next; /* it was asked for */
		order->is_stored = true;
	}
	on_answers(lane);
}

static bool
send_find_stored(struct lane *lane)
{
	struct wb_pg_args *args = wb_pg_args_new();
	size_t ids = wb_pg_arg_array(args, WB_PG_UUID);
	bool is_needed = false;

	for (const struct order *order = lane->batch.first; order != NULL;
	     order = order->next) {
		if (!order->is_unknown)
			continue;
		wb_pg_elem_uuid(args, ids, &order->id);
		is_needed = true;
	}
	if (is_needed)
		wb_tx_query(lane->tx, &find_stored, args, on_stored, lane);
	wb_pg_args_free(args);
	return is_needed;
}

static bool
send_find_keys(struct lane *lane)
{
	wb_idem_batch_clear(lane->keys);
	for (const struct order *order = lane->batch.first; order != NULL;
	     order = order->next)
		if (order->key != NULL)
			wb_idem_batch_add(lane->keys, order->key);
	return wb_idem_batch_find(lane->keys, lane->tx, false, on_answers,
	                          lane);
}

static bool
send_lookup(struct lane *lane)
{
	lookup_clear(lane->lookup);
	for (const struct order *order = lane->batch.first; order != NULL;
	     order = order->next)
		if (order->data.len == 0)
			lookup_add(lane->lookup, order);
	return lookup_send(lane->lookup, lane->tx, on_answers, lane);
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct lane *lane = NULL;
	struct order *order = NULL;

	WB_CAST(lane, arg, LANE_MAGIC);
	lane->tx = NULL;
	answer_decided(lane);
	if (outcome->err != WB_OK) {
		lane->events->on_failed(lane->arg, &lane->batch, outcome);
	} else if (lane->batch.n > 0) {
		wb_counter_add(lane->n_accepted, lane->batch.n);
		wb_counter_add(lane->n_batches, 1);
	}
	while ((order = lane->batch.first) != NULL) {
		order_list_remove(order);
		reply_committed(order);
	}
	lane->events->on_end(lane->arg);
}

void
lane_run(struct lane *lane, struct order_list *batch)
{
	WB_ASSERT(lane_is_free(lane) && batch->n > 0);
	order_list_prepend(&lane->batch, batch);
	lane->tx = wb_tx_begin(lane->pg, on_done, lane);
	lane->n_awaited = 1;
	if (send_lookup(lane))
		lane->n_awaited++;
	if (send_find_stored(lane))
		lane->n_awaited++;
	if (send_find_keys(lane))
		lane->n_awaited++;
	if (lane->n_awaited > 1)
		wb_tx_flush(lane->tx);
	on_answers(lane);
}

/* ---- life ---- */

static void
on_ready(void *arg)
{
	struct lane *lane = NULL;

	WB_CAST(lane, arg, LANE_MAGIC);
	lane->events->on_change(lane->arg, "connected");
}

static void
on_lost(void *arg, const char *why)
{
	struct lane *lane = NULL;

	WB_CAST(lane, arg, LANE_MAGIC);
	lane->events->on_change(lane->arg, why);
}

bool
lane_is_ready(const struct lane *lane)
{
	return wb_pg_is_ready(lane->pg);
}

bool
lane_is_free(const struct lane *lane)
{
	return wb_pg_is_idle(lane->pg);
}

bool
lane_is_busy(const struct lane *lane)
{
	return lane->tx != NULL;
}

void
lane_free(struct lane *lane)
{
	struct order *order = NULL;

	if (lane == NULL)
		return;
	wb_pg_free(lane->pg);
	order_list_prepend(&lane->batch, &lane->decided);
	while ((order = lane->batch.first) != NULL) {
		order_list_remove(order);
		order_free(order);
	}
	lookup_free(lane->lookup);
	insert_free(lane->insert);
	wb_idem_batch_free(lane->keys);
	lane->magic = 0;
	free(lane);
}

struct lane *
lane_new(struct wb_loop *loop, const struct wb_pg_params *params,
         int64_t deadline_ms, const struct lane_events *events, void *arg)
{
	static const struct wb_pg_events pg_events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};
	struct lane *lane = wb_zalloc(sizeof(*lane));

	lane->magic = LANE_MAGIC;
	lane->events = events;
	lane->arg = arg;
	lane->lookup = lookup_new();
	lane->insert = insert_new(deadline_ms);
	lane->keys = wb_idem_batch_new();
	lane->n_accepted =
	    wb_counter("wb_orders_accepted_total", "", "Orders committed.");
	lane->n_batches =
	    wb_counter("wb_order_batches_total", "",
	               "Transactions in which orders were committed.");
	lane->pg =
	    wb_pg_new(loop, params, wb_service_instance(), &pg_events, lane);
	wb_pg_pin_plans(lane->pg);
	return lane;
}
