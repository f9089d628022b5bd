/* Accepting orders in natural batches: what arrives while the transactions run
 * goes together into the next one, without any wait while the system is idle.
 * One per process. */
#ifndef WB_ORDERS_ACCEPT_H
#define WB_ORDERS_ACCEPT_H

#include "order.h"

#include "base/params.h"
#include "pg/pg.h"

extern const struct wb_param_set accept_param_set;

/* pg must outlive it. Health entry: "postgres for orders". */
void accept_start(struct wb_loop *loop, const struct wb_pg_params *pg);

/* Takes the order and answers its request: 202 only after the commit. */
void accept_submit(struct order *order);

/* Waits for the transactions in hand. */
void accept_drain(wb_loop_fn done, void *arg);

/* Also after no start. */
void accept_stop(void);

#endif
