/* Ending an order. */
#include "end.h"
#include "shop/events.h"

const struct wb_pg_stmt orders_end_stmt = {
	.name = "end_orders",
	.sql = "SELECT * FROM end_orders($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::json[])",
};

const enum wb_pg_elem orders_end_columns[3] = {
	WB_PG_UUID,
	WB_PG_TEXT,
	WB_PG_JSON,
};

static enum wb_err
parse_with(const struct wb_event *event, struct orders_end *p,
           const char *member, struct wb_arena *arena, struct wb_note *note)
{
	const char *json;
	char *path = wb_arena_printf(arena, "/%s", member);
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	if (err == WB_OK)
		err = wb_subject_member(event, path, arena, note, &json);
	if (err == WB_OK)
		p->beside = wb_arena_printf(arena, "{\"%s\":%s}", member, json);
	return err;
}

enum wb_err
orders_parse_cause(const struct wb_event *event, void *payload,
                   struct wb_arena *arena, struct wb_note *note)
{
	return parse_with(event, payload, "cause", arena, note);
}

enum wb_err
orders_parse_shipment(const struct wb_event *event, void *payload,
                      struct wb_arena *arena, struct wb_note *note)
{
	return parse_with(event, payload, "shipment", arena, note);
}

void
orders_end_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct orders_end *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->move);
	wb_pg_elem_text(args, array + 2, p->beside);
}

static const struct wb_answer answers[] = {
	{ "CONFIRMED", &shop_order_confirmed, WB_OK },
	{ "REJECTED", &shop_order_rejected, WB_OK },
	{ "CANCELLED", &shop_order_cancelled, WB_OK },
	{ "UNCHANGED", NULL, WB_OK },
	{ "MISSING", NULL, WB_ERR_NOT_YET },
	{ NULL, NULL, WB_OK },
};

enum wb_err
orders_end_read(const struct wb_event *event, const void *payload,
                const struct wb_pg_result *result, size_t row,
                struct wb_emit *emit, struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}
