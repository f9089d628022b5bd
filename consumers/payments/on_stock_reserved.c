/* stock.reserved: record the wish to charge; the charger does it. */
#include "handlers.h"

#include "shop/order.h"

struct payload {
	struct wb_uuid order_id;
	int64_t total_minor;
	const char *currency;
	const char *method;
	const char *order; /* JSON */
	const char *traceparent;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	if (err == WB_OK)
		err = wb_data_int(event->data, "/order/total_minor", 0,
		                  INT64_MAX, note, &p->total_minor);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/currency", note,
		                   &p->currency);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/payment_method", note,
		                   &p->method);
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/order", arena, note, &p->order);
	p->traceparent = event->traceparent;
	return err;
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_i64(args, array + 1, p->total_minor);
	wb_pg_elem_text(args, array + 2, p->currency);
	wb_pg_elem_text(args, array + 3, p->method);
	wb_pg_elem_text(args, array + 4, p->order);
	wb_pg_elem_text(args, array + 5, p->traceparent);
}

static enum wb_err
read(const struct wb_event *event, const void *payload,
     const struct wb_pg_result *result, size_t row, struct wb_emit *emit,
     struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(payments_answers, result, row, emit, note);
}

static const struct wb_pg_stmt stmt = {
	.name = "request_payment",
	.sql = "SELECT * FROM request_payment($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::bigint[], $5::text[], $6::text[], "
	       "$7::json[], $8::text[])",
};

static const enum wb_pg_elem columns[] = {
	WB_PG_UUID, WB_PG_INT8, WB_PG_TEXT, WB_PG_TEXT, WB_PG_JSON, WB_PG_TEXT,
};

static const struct wb_event_type *const emits[] = {
	&shop_payment_captured,
	&shop_payment_declined,
	&shop_payment_voided,
	&shop_payment_refunded,
};

const struct wb_handler payments_on_stock_reserved = {
	.name = "on_stock_reserved",
	.on = &shop_stock_reserved,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &stmt,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};
