/* Requests that wait for an order to move on: all are looked up together, by
 * one query every few ms, so that no order costs a NOTIFY. One per process. */
#ifndef WB_ORDERS_WAITERS_H
#define WB_ORDERS_WAITERS_H

#include "base/uuid.h"
#include "loop/loop.h"
#include "pg/pg.h"

#include <stdbool.h>
#include <stdint.h>

/* Embedded in its owner, who fills all but the last lines, and adds it. */
struct waiter {
	struct wb_uuid order_id;
	int64_t version; /* that it has seen */
	bool for_end;    /* nothing but a terminal status is news */
	/* There is a newer version: a row with ORDER_COLUMNS. May remove the
	 * waiter, else version has been raised. */
	void (*on_news)(struct waiter *waiter,
	                const struct wb_pg_result *result, size_t row);
	/* due_us (monotonic) has come, give or take a few ms; it moves it on,
	 * or removes the waiter. Those for_end hear it, too, when the process
	 * is told to stop: then they must be removed. */
	int64_t due_us;
	void (*on_due)(struct waiter *waiter);

	struct waiter *prev, *next;
	size_t position; /* in the query in flight, from 1; 0 = not in it */
};

/* pg must outlive it. */
void waiters_start(struct wb_loop *loop, const struct wb_pg_params *pg);
void waiters_stop(void); /* without telling; also after no start */

/* The process was told to stop. (Streams are ended by the server.) There is
 * room for none from now on. */
void waiters_hurry(void);

bool waiters_have_room(void);
void waiters_add(struct waiter *waiter);
void waiters_remove(struct waiter *waiter);

#endif
