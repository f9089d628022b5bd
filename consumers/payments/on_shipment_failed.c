/* shipment.failed: refund what was captured. */
#include "void.h"

const struct wb_handler payments_on_shipment_failed = {
	.name = "on_shipment_failed",
	.on = &shop_shipment_failed,
	.payload_size = sizeof(struct wb_order_cause),
	.parse = wb_parse_order_cause,
	.stmt = &payments_void_stmt,
	.columns = payments_void_columns,
	.n_columns = WB_ARRAY_LEN(payments_void_columns),
	.bind = payments_void_bind,
	.read = payments_void_read,
	.emits = payments_void_emits,
	.n_emits = WB_ARRAY_LEN(payments_void_emits),
};
