/* stock.rejected: the order is rejected. */
#include "end.h"

static const struct wb_pg_stmt stmt = {
	.name = "reject_order",
	.sql = "SELECT * FROM end_order($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::json[], 'REJECTED')",
};

static const struct wb_event_type *const emits[] = { &shop_order_rejected };

const struct wb_handler orders_on_stock_rejected = {
	.name = "on_stock_rejected",
	.on = &shop_stock_rejected,
	.payload_size = sizeof(struct orders_end),
	.parse = orders_parse_cause,
	.stmt = &stmt,
	.columns = orders_end_columns,
	.n_columns = WB_ARRAY_LEN(orders_end_columns),
	.bind = orders_end_bind,
	.read = orders_end_read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
