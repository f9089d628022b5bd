/* What an event means for its order's shipment: the statement that both
 * handlers share, so that a batch locks its rows in one pass. */
#ifndef WB_SHIPPING_MOVE_H
#define WB_SHIPPING_MOVE_H

#include "shop/order.h"
#include "handlers.h"

/* A handler's payload; moves are those of move_shipment() in the schema. */
struct shipping_move {
	struct wb_uuid order_id;
	const char *move;
	const char *country; /* CREATE; else NULL */
	const char *cause;   /* VOID: JSON text; else NULL */
};

extern const struct wb_pg_stmt shipping_move_stmt;
extern const enum wb_pg_elem shipping_move_columns[4];
void shipping_move_bind(const void *payload, struct wb_pg_args *args,
                        size_t array);

#endif
