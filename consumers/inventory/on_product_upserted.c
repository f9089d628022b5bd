/* product.upserted: a SKU that stock may be kept of. */
#include "handlers.h"

struct payload {
	const char *sku;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;

	(void)arena;
	return wb_data_text(event->data, "/sku", note, &p->sku);
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_text(args, array, p->sku);
}

static const struct wb_pg_stmt stmt = {
	.name = "add_sku",
	.sql = "SELECT add_sku($1::int[], $2::uuid[], $3::text[])",
};

static const enum wb_pg_elem columns[] = { WB_PG_TEXT };

const struct wb_handler inventory_on_product_upserted = {
	.name = "on_product_upserted",
	.on = &shop_product_upserted,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
};
