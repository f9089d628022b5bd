/* order.cancel_requested: void the order's shipment before it exists, or refuse
 * because it does. */
#include "move.h"

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct shipping_move *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	p->move = "VOID";
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/cause", arena, note, &p->cause);
	return err;
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

static const struct wb_event_type *const emits[] = {
	&shop_shipment_voided,
	&shop_shipment_void_refused,
};

const struct wb_handler shipping_on_order_cancel_requested = {
	.name = "on_order_cancel_requested",
	.on = &shop_order_cancel_requested,
	.payload_size = sizeof(struct shipping_move),
	.parse = parse,
	.stmt = &shipping_move_stmt,
	.columns = shipping_move_columns,
	.n_columns = WB_ARRAY_LEN(shipping_move_columns),
	.bind = shipping_move_bind,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
