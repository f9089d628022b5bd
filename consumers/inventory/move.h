/* Moving an order's stock: the statement that the handlers of all of its events
 * share, so that a batch locks all rows before it changes any. */
#ifndef WB_INVENTORY_MOVE_H
#define WB_INVENTORY_MOVE_H

#include "shop/order.h"
#include "handlers.h"

/* A handler's payload; moves and details are those of move_stock() in the
 * schema. */
struct inventory_move {
	struct wb_uuid order_id;
	const char *move;
	const char *detail; /* JSON text, or NULL */
};

extern const struct wb_pg_stmt inventory_move_stmt;
extern const enum wb_pg_elem inventory_move_columns[3];
void inventory_move_bind(const void *payload, struct wb_pg_args *args,
                         size_t array);

#endif
