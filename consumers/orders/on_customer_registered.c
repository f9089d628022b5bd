/* customer.registered: this service's own replica of the customers. */
#include "handlers.h"

struct payload {
	struct wb_uuid customer_id;
	const char *name;
	const char *email;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err =
	    wb_data_uuid(event->data, "/customer_id", note, &p->customer_id);

	(void)arena;
	if (err == WB_OK)
		err = wb_data_text(event->data, "/name", note, &p->name);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/email", note, &p->email);
	return err;
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_uuid(args, array, &p->customer_id);
	wb_pg_elem_text(args, array + 1, p->name);
	wb_pg_elem_text(args, array + 2, p->email);
}

static const struct wb_pg_stmt stmt = {
	.name = "replicate_customer",
	.sql = "SELECT replicate_customer($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::text[])",
};

static const enum wb_pg_elem columns[] = { WB_PG_UUID, WB_PG_TEXT, WB_PG_TEXT };

const struct wb_handler orders_on_customer_registered = {
	.name = "on_customer_registered",
	.on = &shop_customer_registered,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
};
