/* Leaving no money taken. */
#include "void.h"
#include "shop/events.h"

const struct wb_pg_stmt payments_void_stmt = {
	.name = "void_payment",
	.sql = "SELECT * FROM void_payment($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::json[], $5::text[])",
};

const enum wb_pg_elem payments_void_columns[3] = {
	WB_PG_UUID,
	WB_PG_JSON,
	WB_PG_TEXT,
};

const struct wb_event_type *const payments_void_emits[3] = {
	&shop_payment_declined,
	&shop_payment_voided,
	&shop_payment_refunded,
};

void
payments_void_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct wb_order_cause *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->cause);
	wb_pg_elem_text(args, array + 2, p->traceparent);
}

enum wb_err
payments_void_read(const struct wb_event *event, const void *payload,
                   const struct wb_pg_result *result, size_t row,
                   struct wb_emit *emit, struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(payments_answers, result, row, emit, note);
}
