/* shipment.voided: refund, drop the wish, or leave a tombstone. */
#include "void.h"

const struct wb_handler payments_on_shipment_voided = {
	.name = "on_shipment_voided",
	.on = &shop_shipment_voided,
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
