/* order.cancelled: say why, and what of the money. */
#include "wish.h"

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	return wish_parse(event, payload, "CANCELLED", "was cancelled",
	                  letter_cancelled, arena, note);
}

const struct wb_handler notifications_on_order_cancelled = {
	.name = "on_order_cancelled",
	.on = &shop_order_cancelled,
	.payload_size = sizeof(struct wish),
	.parse = parse,
	.stmt = &wish_stmt,
	.columns = wish_columns,
	.n_columns = WB_ARRAY_LEN(wish_columns),
	.bind = wish_bind,
	.read = wish_read,
};
