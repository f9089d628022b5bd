/* What an event means for its order's payment: the statement that the handlers
 * of all of them share, so that a batch locks its rows in one pass. */
#ifndef WB_PAYMENTS_MOVE_H
#define WB_PAYMENTS_MOVE_H

#include "shop/order.h"
#include "handlers.h"

/* A handler's payload; moves are those of move_payment() in the schema. */
struct payments_move {
	struct wb_uuid order_id;
	const char *move;
	/* REQUEST; else NULL */
	int64_t total_minor;
	const char *currency;
	const char *method;
	const char *order; /* JSON text */
	/* VOID; else NULL */
	const char *cause; /* JSON text */
	const char *traceparent;
};

extern const struct wb_pg_stmt payments_move_stmt;
extern const enum wb_pg_elem payments_move_columns[8];

void payments_move_bind(const void *payload, struct wb_pg_args *args,
                        size_t array);
enum wb_err payments_move_read(const struct wb_event *event,
                               const void *payload,
                               const struct wb_pg_result *result, size_t row,
                               struct wb_emit *emit, struct wb_note *note);

#endif
