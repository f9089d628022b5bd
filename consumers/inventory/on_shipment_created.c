/* shipment.created: what was reserved goes out. */
#include "move.h"

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct inventory_move *p = payload;

	(void)arena;
	p->move = "SHIP";
	return wb_order_id(event, note, &p->order_id);
}

static const struct wb_answer answers[] = {
	{ "SHIPPED", NULL, WB_OK },
	{ "MISSING", NULL, WB_ERR_NOT_YET },
	{ NULL, NULL, WB_OK },
};

static enum wb_err
read(const struct wb_event *event, const void *payload,
     const struct wb_pg_result *result, size_t row, struct wb_emit *emit,
     struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}

const struct wb_handler inventory_on_shipment_created = {
	.name = "on_shipment_created",
	.on = &shop_shipment_created,
	.payload_size = sizeof(struct inventory_move),
	.parse = parse,
	.stmt = &inventory_move_stmt,
	.columns = inventory_move_columns,
	.n_columns = WB_ARRAY_LEN(inventory_move_columns),
	.bind = inventory_move_bind,
	.read = read,
};
