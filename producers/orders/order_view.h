/* How an order looks in an answer. */
#ifndef WB_ORDERS_ORDER_VIEW_H
#define WB_ORDERS_ORDER_VIEW_H

#include "base/buf.h"
#include "pg/pg.h"

#include <stdbool.h>

/* The columns of orders that are read here, in this order. */
#define ORDER_COLUMNS                                                          \
	"order_id, version, status, customer_id, total_minor, currency, "      \
	"snapshot -> 'lines', snapshot -> 'ship_to', "                         \
	"snapshot -> 'payment_method', cause, shipment, "                      \
	"cancel_requested_at IS NOT NULL, cancel_refused, "                    \
	"(extract(epoch FROM placed_at) * 1000000)::bigint, "                  \
	"(extract(epoch FROM updated_at) * 1000000)::bigint"

/* Appends the order as JSON. A wb_page_item_fn. */
#define ORDER_COLUMN_COUNT 15

void order_view_print(struct wb_buf *buf, const struct wb_pg_result *result,
                      size_t row);

bool order_view_is_pending(const struct wb_pg_result *result, size_t row);

/* It rises with each change of the order. */
int64_t order_view_version(const struct wb_pg_result *result, size_t row);

#endif
