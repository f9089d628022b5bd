/* product.upserted: this service's own replica of the catalog. */
#include "handlers.h"

struct payload {
	const char *sku;
	const char *name;
	int64_t price_minor;
	const char *currency;
	int64_t version;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err = wb_data_text(event->data, "/sku", note, &p->sku);

	(void)arena;
	if (err == WB_OK)
		err = wb_data_text(event->data, "/name", note, &p->name);
	if (err == WB_OK)
		err = wb_data_int(event->data, "/price_minor", 0, INT64_MAX,
		                  note, &p->price_minor);
	if (err == WB_OK)
		err =
		    wb_data_text(event->data, "/currency", note, &p->currency);
	if (err == WB_OK)
		err = wb_data_int(event->data, "/version", 1, INT64_MAX, note,
		                  &p->version);
	return err;
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_text(args, array, p->sku);
	wb_pg_elem_text(args, array + 1, p->name);
	wb_pg_elem_i64(args, array + 2, p->price_minor);
	wb_pg_elem_text(args, array + 3, p->currency);
	wb_pg_elem_i64(args, array + 4, p->version);
}

static const struct wb_pg_stmt stmt = {
	.name = "replicate_product",
	.sql = "SELECT replicate_product($1::int[], $2::uuid[], $3::text[], "
	       "$4::text[], $5::bigint[], $6::text[], $7::bigint[])",
};

static const enum wb_pg_elem columns[] = {
	WB_PG_TEXT, WB_PG_TEXT, WB_PG_INT8, WB_PG_TEXT, WB_PG_INT8,
};

const struct wb_handler orders_on_product_upserted = {
	.name = "on_product_upserted",
	.on = &shop_product_upserted,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
};
