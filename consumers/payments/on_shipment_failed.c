/* shipment.failed: refund what was captured. */
#include "void.h"

const struct wb_handler payments_on_shipment_failed = {
	.name = "on_shipment_failed",
	.on = &shop_shipment_failed,
	.payload_size = sizeof(struct payments_move),
	.parse = payments_void_parse,
	.stmt = &payments_move_stmt,
	.columns = payments_move_columns,
	.n_columns = WB_ARRAY_LEN(payments_move_columns),
	.bind = payments_move_bind,
	.read = payments_move_read,
	.emits = payments_void_emits,
	.n_emits = WB_ARRAY_LEN(payments_void_emits),
};
