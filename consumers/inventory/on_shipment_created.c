/* shipment.created: what was reserved goes out. */
#include "handlers.h"

#include "saga/order.h"

struct payload {
	struct wb_uuid order_id;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;

	(void)arena;
	return wb_order_id(event, note, &p->order_id);
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
}

static const struct wb_answer answers[] = {
	{ "SHIPPED", WB_EV_COUNT, WB_OK },
	{ "MISSING", WB_EV_COUNT, WB_ERR_NOT_YET },
	{ NULL, WB_EV_COUNT, WB_OK },
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

static const struct wb_pg_stmt stmt = {
	.name = "ship_stock",
	.sql = "SELECT * FROM ship_stock($1::int[], $2::uuid[], $3::uuid[])",
};

static const enum wb_pg_elem columns[] = { WB_PG_UUID };

const struct wb_handler inventory_on_shipment_created = {
	.name = "on_shipment_created",
	.on = WB_EV_SHIPMENT_CREATED,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
	.read = read,
};
