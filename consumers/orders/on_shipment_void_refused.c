/* shipment.void_refused: the cancellation came too late; it was shipped. */
#include "end.h"

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct orders_end *p = payload;

	p->move = "REFUSED";
	return orders_parse_shipment(event, payload, arena, note);
}

static const struct wb_event_type *const emits[] = { &shop_order_confirmed };

const struct wb_handler orders_on_shipment_void_refused = {
	.name = "on_shipment_void_refused",
	.on = &shop_shipment_void_refused,
	.payload_size = sizeof(struct orders_end),
	.parse = parse,
	.stmt = &orders_end_stmt,
	.columns = orders_end_columns,
	.n_columns = WB_ARRAY_LEN(orders_end_columns),
	.bind = orders_end_bind,
	.read = orders_end_read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
