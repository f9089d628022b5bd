/* stock.reserved: record the wish to charge; the charger does it. */
#include "move.h"

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payments_move *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	p->move = "REQUEST";
	p->traceparent = event->traceparent;
	if (err == WB_OK)
		err = wb_data_int(event->data, "/order/total_minor", 0,
		                  INT64_MAX, note, &p->total_minor);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/currency", note,
		                   &p->currency);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/payment_method", note,
		                   &p->method);
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/order", arena, note, &p->order);
	return err;
}

static const struct wb_event_type *const emits[] = {
	&shop_payment_captured,
	&shop_payment_declined,
	&shop_payment_voided,
	&shop_payment_refunded,
};

const struct wb_handler payments_on_stock_reserved = {
	.name = "on_stock_reserved",
	.on = &shop_stock_reserved,
	.payload_size = sizeof(struct payments_move),
	.parse = parse,
	.stmt = &payments_move_stmt,
	.columns = payments_move_columns,
	.n_columns = WB_ARRAY_LEN(payments_move_columns),
	.bind = payments_move_bind,
	.read = payments_move_read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
