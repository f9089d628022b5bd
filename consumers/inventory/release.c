/* Giving an order's stock back. */
#include "release.h"
#include "shop/events.h"

const struct wb_event_type *const inventory_release_emits[2] = {
	&shop_stock_released,
	&shop_stock_rejected,
};

static const struct wb_answer answers[] = {
	{ "RELEASED", &shop_stock_released, WB_OK },
	{ "REJECTED", &shop_stock_rejected, WB_OK },
	{ "SHIPPED", NULL, WB_ERR_STATE_CONFLICT },
	{ NULL, NULL, WB_OK },
};

enum wb_err
inventory_release_parse(const struct wb_event *event, void *payload,
                        struct wb_arena *arena, struct wb_note *note)
{
	struct inventory_move *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	p->move = "RELEASE";
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/cause", arena, note, &p->detail);
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
