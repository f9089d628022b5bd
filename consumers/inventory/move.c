/* Moving an order's stock. */
#include "move.h"

const struct wb_pg_stmt inventory_move_stmt = {
	.name = "move_stock",
	.sql = "SELECT * FROM move_stock($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::json[])",
};

const enum wb_pg_elem inventory_move_columns[3] = {
	WB_PG_UUID,
	WB_PG_TEXT,
	WB_PG_JSON,
};

void
inventory_move_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct inventory_move *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->move);
	wb_pg_elem_text(args, array + 2, p->detail);
}
