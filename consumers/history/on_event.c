/* Any order event → one row of the event log, and the projections. */
#include "handlers.h"

#include "base/clock.h"
#include "shop/order.h"

#include <json-c/json.h>

#include <string.h>

struct payload {
	struct wb_uuid order_id;
	const char *source;
	const char *type;
	int64_t sequence;
	int64_t time_us;
	const char *detail; /* JSON: the data without the order */
	const char
	    *snapshot; /* JSON: the order, of order.placed only; or NULL */
	struct wb_uuid customer_id;
	const char *currency;
	int64_t total_minor;
	int64_t placed_us;
};

static const char *
detail_of(struct json_object *data, struct wb_arena *arena)
{
	struct json_object *detail = json_object_new_object();
	const char *text;

	json_object_object_foreach(data, name, value)
	{
		if (strcmp(name, "order") != 0)
			(void)json_object_object_add(detail, name,
			                             json_object_get(value));
	}
	text = wb_arena_strdup(arena, wb_data_print(detail));
	json_object_put(detail);
	return text;
}

static enum wb_err
parse_order(const struct wb_event *event, struct payload *p,
            struct wb_note *note)
{
	const char *placed;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	if (err == WB_OK)
		err = wb_data_uuid(event->data, "/order/customer_id", note,
		                   &p->customer_id);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/currency", note,
		                   &p->currency);
	if (err == WB_OK)
		err = wb_data_int(event->data, "/order/total_minor", 0,
		                  INT64_MAX, note, &p->total_minor);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/order/placed_at", note,
		                   &placed);
	if (err == WB_OK && !wb_time_parse(placed, &p->placed_us))
		err = wb_fail(note, WB_ERR_SCHEMA_VIOLATION,
		              "/order/placed_at: must be RFC 3339");
	return err;
}

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;

	p->source = event->source;
	p->type = event->type;
	p->sequence = event->sequence;
	p->time_us = event->time_us;
	p->detail = detail_of(event->data, arena);
	/* All events carry the order alike: it is kept once. */
	if (strcmp(event->type, shop_order_placed.name) == 0) {
		enum wb_err err = wb_subject_member(event, "/order", arena,
		                                    note, &p->snapshot);

		if (err != WB_OK)
			return err;
	}
	return parse_order(event, p, note);
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_uuid(args, array, &p->order_id);
	wb_pg_elem_text(args, array + 1, p->source);
	wb_pg_elem_text(args, array + 2, p->type);
	wb_pg_elem_i64(args, array + 3, p->sequence);
	wb_pg_elem_time(args, array + 4, p->time_us);
	wb_pg_elem_text(args, array + 5, p->detail);
	if (p->snapshot == NULL)
		wb_pg_elem_null(args, array + 6);
	else
		wb_pg_elem_text(args, array + 6, p->snapshot);
	wb_pg_elem_uuid(args, array + 7, &p->customer_id);
	wb_pg_elem_text(args, array + 8, p->currency);
	wb_pg_elem_i64(args, array + 9, p->total_minor);
	wb_pg_elem_time(args, array + 10, p->placed_us);
}

static const struct wb_pg_stmt stmt = {
	.name = "record_event",
	.sql = "SELECT record_event($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::text[], $6::bigint[], $7::timestamptz[], "
	       "$8::json[], $9::json[], $10::uuid[], $11::text[], "
	       "$12::bigint[], $13::timestamptz[])",
};

static const enum wb_pg_elem columns[] = {
	WB_PG_UUID,        WB_PG_TEXT, WB_PG_TEXT,        WB_PG_INT8,
	WB_PG_TIMESTAMPTZ, WB_PG_JSON, WB_PG_JSON,        WB_PG_UUID,
	WB_PG_TEXT,        WB_PG_INT8, WB_PG_TIMESTAMPTZ,
};

#define X(event)                                                               \
	static const struct wb_handler on_##event = {                          \
		.name = "on_" #event,                                          \
		.on = &shop_##event,                                           \
		.payload_size = sizeof(struct payload),                        \
		.parse = parse,                                                \
		.stmt = &stmt,                                                 \
		.columns = columns,                                            \
		.n_columns = WB_ARRAY_LEN(columns),                            \
		.bind = bind,                                                  \
	};
HISTORY_EVENTS(X)
#undef X

const struct wb_handler *const history_handlers[] = {
#define X(event) &on_##event,
	HISTORY_EVENTS(X) NULL
#undef X
};
