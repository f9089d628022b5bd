/* One connection on which orders are stored, a batch per transaction: look up
 * what is not priced yet, price, insert the orders and their events, commit,
 * answer. An order that can't be accepted leaves the batch alone. */
#ifndef WB_ORDERS_LANE_H
#define WB_ORDERS_LANE_H

#include "order.h"

#include "pg/pg.h"

struct lane;

struct lane_events {
	/* The connection is ready or lost. */
	void (*on_change)(void *arg, const char *why);
	/* To be tried again a little later: a customer or SKU of the order is
	 * not known yet, and there is time left; or its key is not free yet.
	 * It is the callee's now, in no list. */
	void (*on_later)(void *arg, struct order *order);
	/* The transaction failed, or nobody knows: its orders are the
	 * callee's now; it must empty the list. */
	void (*on_failed)(void *arg, struct order_list *batch,
	                  const struct wb_tx_outcome *outcome);
	/* The batch is dealt with: mostly, the lane is free again. */
	void (*on_end)(void *arg);
};

void lane_free(struct lane *lane); /* and the orders of its batch */

/* params and events must outlive it. deadline_ms: of the orders, from when they
 * were placed. (Not WB_OWNED_BY: gcc 12's analyzer loses what a loop makes.) */
struct lane *lane_new(struct wb_loop *loop, const struct wb_pg_params *params,
                      int64_t deadline_ms, const struct lane_events *events,
                      void *arg);

bool lane_is_ready(const struct lane *lane); /* connected */
bool lane_is_free(const struct lane *lane);  /* and without a batch */
bool lane_is_busy(const struct lane *lane);

/* The lane must be free; batch, not empty, is emptied. */
void lane_run(struct lane *lane, struct order_list *batch);

#endif
