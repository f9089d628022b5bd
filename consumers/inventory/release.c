/* Giving an order's stock back. */
#include "release.h"

const enum wb_event_type inventory_release_emits[2] = {
	WB_EV_STOCK_RELEASED,
	WB_EV_STOCK_REJECTED,
};

static const struct wb_answer answers[] = {
	{ "RELEASED", WB_EV_STOCK_RELEASED, WB_OK },
	{ "REJECTED", WB_EV_STOCK_REJECTED, WB_OK },
	{ "SHIPPED", WB_EV_COUNT, WB_ERR_STATE_CONFLICT },
	{ NULL, WB_EV_COUNT, WB_OK },
};

enum wb_err
inventory_release_parse(const struct wb_event *event, void *payload,
                        struct wb_arena *arena, struct wb_note *note)
{
	struct inventory_move *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	p->move = "RELEASE";
	if (err == WB_OK)
		err = wb_order_member(event, "/cause", arena, note, &p->detail);
	return err;
}

enum wb_err
inventory_release_read(const struct wb_event *event, const void *payload,
                       const struct wb_pg_result *result, size_t row,
                       struct wb_emit *emit, struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}
