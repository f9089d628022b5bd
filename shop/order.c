/* Reading data.order and its neighbours. */
#include "shop/order.h"

enum wb_err
wb_order_id(const struct wb_event *event, struct wb_note *note,
            struct wb_uuid *ret_id)
{
	return wb_subject_id(event, "/order/order_id", note, ret_id);
}

enum wb_err
wb_parse_order_cause(const struct wb_event *event, void *payload,
                     struct wb_arena *arena, struct wb_note *note)
{
	struct wb_order_cause *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/cause", arena, note, &p->cause);
	p->traceparent = event->traceparent;
	return err;
}
