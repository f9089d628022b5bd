/* stock.received: goods came in. */
#include "handlers.h"

struct payload {
	const char *sku;
	int64_t quantity;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err = wb_data_text(event->data, "/sku", note, &p->sku);

	(void)arena;
	if (err == WB_OK)
		err = wb_data_int(event->data, "/quantity", 1, INT32_MAX, note,
		                  &p->quantity);
	return err;
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_text(args, array, p->sku);
	wb_pg_elem_i64(args, array + 1, p->quantity);
}

static const struct wb_pg_stmt stmt = {
	.name = "receive_stock",
	.sql = "SELECT receive_stock($1::int[], $2::uuid[], $3::text[], "
	       "$4::bigint[])",
};

static const enum wb_pg_elem columns[] = { WB_PG_TEXT, WB_PG_INT8 };

const struct wb_handler inventory_on_stock_received = {
	.name = "on_stock_received",
	.on = &shop_stock_received,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
};
