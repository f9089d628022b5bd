/* Moving an order's payment on. */
#include "move.h"

const struct wb_pg_stmt payments_move_stmt = {
	.name = "move_payment",
	.sql = "SELECT * FROM move_payment($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::bigint[], $6::text[], $7::text[], $8::json[], "
	       "$9::json[], $10::text[])",
};

/* One name per column, in the order of the statement's parameters. */
enum {
	ORDER_ID,
	MOVE,
	TOTAL_MINOR,
	CURRENCY,
	METHOD,
	ORDER,
	CAUSE,
	TRACEPARENT,
};

const enum wb_pg_elem payments_move_columns[8] = {
	[ORDER_ID] = WB_PG_UUID,    [MOVE] = WB_PG_TEXT,
	[TOTAL_MINOR] = WB_PG_INT8, [CURRENCY] = WB_PG_TEXT,
	[METHOD] = WB_PG_TEXT,      [ORDER] = WB_PG_JSON,
	[CAUSE] = WB_PG_JSON,       [TRACEPARENT] = WB_PG_TEXT,
};

void
payments_move_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payments_move *p = payload;

	wb_pg_elem_uuid(args, array + ORDER_ID, &p->order_id);
	wb_pg_elem_text(args, array + MOVE, p->move);
	wb_pg_elem_i64(args, array + TOTAL_MINOR, p->total_minor);
	wb_pg_elem_text(args, array + CURRENCY, p->currency);
	wb_pg_elem_text(args, array + METHOD, p->method);
	wb_pg_elem_text(args, array + ORDER, p->order);
	wb_pg_elem_text(args, array + CAUSE, p->cause);
	wb_pg_elem_text(args, array + TRACEPARENT, p->traceparent);
}

/* A payment that has an outcome repeats it when it is asked again; one that is
 * under way says nothing, its charger will. */
static const struct wb_answer answers[] = {
	{ "CAPTURED", &shop_payment_captured, WB_OK },
	{ "DECLINED", &shop_payment_declined, WB_OK },
	{ "VOIDED", &shop_payment_voided, WB_OK },
	{ "REFUNDED", &shop_payment_refunded, WB_OK },
	{ "REQUESTED", NULL, WB_OK },
	{ "ATTEMPTING", NULL, WB_OK },
	{ "VOIDING", NULL, WB_OK },
	{ "REFUNDING", NULL, WB_OK },
	{ NULL, NULL, WB_OK },
};

enum wb_err
payments_move_read(const struct wb_event *event, const void *payload,
                   const struct wb_pg_result *result, size_t row,
                   struct wb_emit *emit, struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}
