/* The wish to mail somebody how an order ended. */
#include "wish.h"

const struct wb_pg_stmt wish_stmt = {
	.name = "record_wishes",
	.sql = "SELECT * FROM record_wishes($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[])",
};

const enum wb_pg_elem wish_columns[5] = {
	WB_PG_UUID, WB_PG_UUID, WB_PG_TEXT, WB_PG_TEXT, WB_PG_TEXT,
};

enum wb_err
wish_parse(const struct wb_event *event, struct wish *wish, const char *kind,
           const char *subject, letter_fn write, struct wb_arena *arena,
           struct wb_note *note)
{
	struct wb_buf content = { 0 };
	enum wb_err err = wb_order_id(event, note, &wish->order_id);

	if (err == WB_OK)
		err = wb_data_uuid(event->data, "/order/customer_id", note,
		                   &wish->customer_id);
	if (err == WB_OK)
		err = write(event, &content, note);
	if (err == WB_OK) {
		wish->kind = kind;
		wish->subject = wb_arena_printf(arena, "Your order %s %s",
		                                event->subject, subject);
		wish->content = wb_arena_strdup(arena, wb_buf_text(&content));
	}
	wb_buf_fini(&content);
	return err;
}

void
wish_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct wish *wish = payload;

	wb_pg_elem_uuid(args, array, &wish->order_id);
	wb_pg_elem_uuid(args, array + 1, &wish->customer_id);
	wb_pg_elem_text(args, array + 2, wish->kind);
	wb_pg_elem_text(args, array + 3, wish->subject);
	wb_pg_elem_text(args, array + 4, wish->content);
}

static const struct wb_answer answers[] = {
	{ "RECORDED", NULL, WB_OK },
	{ "UNKNOWN_CUSTOMER", NULL, WB_ERR_NOT_YET },
	{ NULL, NULL, WB_OK },
};

enum wb_err
wish_read(const struct wb_event *event, const void *payload,
          const struct wb_pg_result *result, size_t row, struct wb_emit *emit,
          struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}
