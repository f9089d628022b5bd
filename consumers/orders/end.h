/* Ending an order: what the four events that do it have in common, among it the
 * statement, so that a batch locks its rows in one pass. */
#ifndef WB_ORDERS_END_H
#define WB_ORDERS_END_H

#include "shop/order.h"
#include "handlers.h"

struct orders_end {
	struct wb_uuid order_id;
	const char *beside; /* JSON object: what the event says beside it */
	const char *move;   /* of end_orders() in the schema */
};

/* beside: {"cause":…} of the event, or {"shipment":…}. The move is the
 * caller's. */
enum wb_err orders_parse_cause(const struct wb_event *event, void *payload,
                               struct wb_arena *arena, struct wb_note *note);
enum wb_err orders_parse_shipment(const struct wb_event *event, void *payload,
                                  struct wb_arena *arena, struct wb_note *note);

extern const struct wb_pg_stmt orders_end_stmt;
extern const enum wb_pg_elem orders_end_columns[3];
void orders_end_bind(const void *payload, struct wb_pg_args *args,
                     size_t array);
enum wb_err orders_end_read(const struct wb_event *event, const void *payload,
                            const struct wb_pg_result *result, size_t row,
                            struct wb_emit *emit, struct wb_note *note);

#endif
