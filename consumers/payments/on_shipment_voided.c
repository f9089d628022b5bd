/* shipment.voided: refund, drop the wish, or leave a tombstone. */
#include "void.h"

const struct wb_handler payments_on_shipment_voided = {
	.name = "on_shipment_voided",
	.on = &shop_shipment_voided,
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
