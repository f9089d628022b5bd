/* Reading data.order and its neighbours. */
#include "saga/order.h"

#include "event/json.h"

enum wb_err
wb_order_id(const struct wb_event *event, struct wb_note *note,
            struct wb_uuid *ret_id)
{
	struct wb_uuid subject;
	enum wb_err err =
	    wb_data_uuid(event->data, "/order/order_id", note, ret_id);

	if (err != WB_OK)
		return err;
	if (!wb_uuid_parse(event->subject, &subject) ||
	    wb_uuid_compare(&subject, ret_id) != 0)
		return wb_fail(note, WB_ERR_SCHEMA_VIOLATION,
		               "/order/order_id is not the subject");
	return WB_OK;
}

enum wb_err
wb_order_member(const struct wb_event *event, const char *path,
                struct wb_arena *arena, struct wb_note *note,
                const char **ret_json)
{
	struct json_object *object;
	enum wb_err err = wb_data_object(event->data, path, note, &object);

	if (err == WB_OK)
		*ret_json = wb_arena_strdup(arena, wb_data_print(object));
	return err;
}

enum wb_err
wb_parse_order_cause(const struct wb_event *event, void *payload,
                     struct wb_arena *arena, struct wb_note *note)
{
	struct wb_order_cause *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	if (err == WB_OK)
		err = wb_order_member(event, "/cause", arena, note, &p->cause);
	p->traceparent = event->traceparent;
	return err;
}
