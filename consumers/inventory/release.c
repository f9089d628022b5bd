/* Giving an order's stock back. */
#include "release.h"

const struct wb_pg_stmt inventory_release_stmt = {
	.name = "release_stock",
	.sql = "SELECT * FROM release_stock($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::json[])",
};

const enum wb_pg_elem inventory_release_columns[2] = { WB_PG_UUID, WB_PG_JSON };

const enum wb_event_type inventory_release_emits[2] = {
	WB_EV_STOCK_RELEASED,
	WB_EV_STOCK_REJECTED,
};

static const struct wb_answer answers[] = {
	{ "RELEASED", WB_EV_STOCK_RELEASED, WB_OK },
	{ "REJECTED", WB_EV_STOCK_REJECTED, WB_OK },
	{ "SHIPPED", WB_EV_COUNT, WB_ERR_STATE_CONFLICT },
	{ NULL, WB_EV_COUNT, WB_OK },
};

void
inventory_release_bind(const void *payload, struct wb_pg_args *args,
                       size_t array)
{
	const struct wb_order_cause *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->cause);
}

enum wb_err
inventory_release_read(const struct wb_event *event, const void *payload,
                       const struct wb_pg_result *result, size_t row,
                       struct wb_emit *emit, struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}
