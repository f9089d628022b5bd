/* order.placed: reserve every line of the order, or none. */
#include "move.h"

#include <stdio.h>

static enum wb_err
check_line(struct json_object *lines, unsigned i, struct wb_note *note)
{
	char path[48];
	const char *sku;
	int64_t quantity;
	enum wb_err err;

	(void)snprintf(path, sizeof(path), "/%u/sku", i);
	err = wb_data_text(lines, path, note, &sku);
	if (err != WB_OK)
		return err;
	(void)snprintf(path, sizeof(path), "/%u/quantity", i);
	return wb_data_int(lines, path, 1, INT32_MAX, note, &quantity);
}

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct inventory_move *p = payload;
	struct json_object *lines;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	p->move = "RESERVE";
	if (err == WB_OK)
		err = wb_data_array(event->data, "/order/lines", note, &lines);
	if (err != WB_OK)
		return err;
	if (wb_data_length(lines) == 0)
		return wb_fail(note, WB_ERR_SCHEMA_VIOLATION,
		               "/order/lines: must not be empty");
	for (unsigned i = 0; i < wb_data_length(lines); i++) {
		err = check_line(lines, i, note);
		if (err != WB_OK)
			return err;
	}
	p->detail = wb_arena_strdup(arena, wb_data_print(lines));
	return WB_OK;
}

static const struct wb_answer answers[] = {
	{ "RESERVED", &shop_stock_reserved, WB_OK },
	{ "REJECTED", &shop_stock_rejected, WB_OK },
	{ "RELEASED", &shop_stock_released, WB_OK },
	{ "UNKNOWN_SKU", NULL, WB_ERR_NOT_YET },
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
	&shop_stock_reserved,
	&shop_stock_rejected,
	&shop_stock_released,
};

const struct wb_handler inventory_on_order_placed = {
	.name = "on_order_placed",
	.on = &shop_order_placed,
	.payload_size = sizeof(struct inventory_move),
	.parse = parse,
	.stmt = &inventory_move_stmt,
	.columns = inventory_move_columns,
	.n_columns = WB_ARRAY_LEN(inventory_move_columns),
	.bind = inventory_move_bind,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
