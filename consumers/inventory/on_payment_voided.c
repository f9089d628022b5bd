/* payment.voided: give the order's stock back, or leave a tombstone. */
#include "release.h"

const struct wb_handler inventory_on_payment_voided = {
	.name = "on_payment_voided",
	.on = &shop_payment_voided,
	.payload_size = sizeof(struct inventory_move),
	.parse = inventory_release_parse,
	.stmt = &inventory_move_stmt,
	.columns = inventory_move_columns,
	.n_columns = WB_ARRAY_LEN(inventory_move_columns),
	.bind = inventory_move_bind,
	.read = inventory_release_read,
	.emits = inventory_release_emits,
	.n_emits = WB_ARRAY_LEN(inventory_release_emits),
};
