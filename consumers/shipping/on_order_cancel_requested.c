/* order.cancel_requested: void the order's shipment before it exists, or refuse
 * because it does. */
#include "handlers.h"

#include "shop/order.h"

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct wb_order_cause *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->cause);
}

static const struct wb_answer answers[] = {
	{ "VOIDED", &shop_shipment_voided, WB_OK },
	/* Never a refusal: the order's shipment.failed may have been lost. */
	{ "FAILED", &shop_shipment_voided, WB_OK },
	{ "CREATED", &shop_shipment_void_refused, WB_OK },
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

static const struct wb_pg_stmt stmt = {
	.name = "void_shipment",
	.sql = "SELECT * FROM void_shipment($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::json[])",
};

static const enum wb_pg_elem columns[] = { WB_PG_UUID, WB_PG_JSON };

static const struct wb_event_type *const emits[] = {
	&shop_shipment_voided,
	&shop_shipment_void_refused,
};

const struct wb_handler shipping_on_order_cancel_requested = {
	.name = "on_order_cancel_requested",
	.on = &shop_order_cancel_requested,
	.payload_size = sizeof(struct wb_order_cause),
	.parse = wb_parse_order_cause,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
