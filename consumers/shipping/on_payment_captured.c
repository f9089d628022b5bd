/* payment.captured: ship the order, unless its address can't be reached or its
 * cancellation came first. */
#include "move.h"

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct shipping_move *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	(void)arena;
	p->move = "CREATE";
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/ship_to/country", note,
		                   &p->country);
	return err;
}

static const struct wb_answer answers[] = {
	{ "CREATED", &shop_shipment_created, WB_OK },
	{ "FAILED", &shop_shipment_failed, WB_OK },
	{ "VOIDED", &shop_shipment_voided, WB_OK },
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
	&shop_shipment_created,
	&shop_shipment_failed,
	&shop_shipment_voided,
};

const struct wb_handler shipping_on_payment_captured = {
	.name = "on_payment_captured",
	.on = &shop_payment_captured,
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
