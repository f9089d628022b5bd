/* The rows of a batch: its orders and their events, one statement each. */
#ifndef WB_ORDERS_INSERT_H
#define WB_ORDERS_INSERT_H

#include "order.h"

#include "pg/pg.h"

struct insert;

void insert_free(struct insert *insert);

/* deadline_ms: from placed_at to deadline_at. */
struct insert *insert_new(int64_t deadline_ms) WB_OWNED_BY(insert_free);

void insert_clear(struct insert *insert);
void insert_add(struct insert *insert, const struct order *order); /* priced */

/* False when nothing was added, then nothing is sent. */
bool insert_send(struct insert *insert, struct wb_tx *tx);

#endif
