/* Deciding an order's shipment. */
#include "move.h"

const struct wb_pg_stmt shipping_move_stmt = {
	.name = "move_shipment",
	.sql = "SELECT * FROM move_shipment($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::text[], $5::text[], $6::json[])",
};

const enum wb_pg_elem shipping_move_columns[4] = {
	WB_PG_UUID,
	WB_PG_TEXT,
	WB_PG_TEXT,
	WB_PG_JSON,
};

void
shipping_move_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct shipping_move *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->move);
	wb_pg_elem_text(args, array + 2, p->country);
	wb_pg_elem_text(args, array + 3, p->cause);
}
