/* What a batch of orders needs to know: its customers and products in this
 * service's replicas, by one statement; and, after a commit whose end was never
 * learnt, which of its orders are there already. */
#ifndef WB_ORDERS_LOOKUP_H
#define WB_ORDERS_LOOKUP_H

#include "order.h"

#include "pg/pg.h"

struct lookup;

void lookup_free(struct lookup *lookup);
struct lookup *lookup_new(void) WB_OWNED_BY(lookup_free);
void lookup_clear(struct lookup *lookup);

/* The customer and the SKUs of an order; borrowed until lookup_send. */
void lookup_add(struct lookup *lookup, const struct order *order);

/* Sends the statement, unless nothing was added: then false, and done is not
 * called. done: the answers are there. */
bool lookup_send(struct lookup *lookup, struct wb_tx *tx, wb_loop_fn done,
                 void *arg);

struct lookup_product {
	const char *sku;
	const char *name; /* NULL: not found */
	const char *currency;
	int64_t price_minor;
};

bool lookup_has_customer(const struct lookup *lookup,
                         const struct wb_uuid *customer_id);

/* NULL when there is none. */
const struct lookup_product *lookup_product(const struct lookup *lookup,
                                            const char *sku);

#endif
