/* Leaving no money taken. */
#include "void.h"

const struct wb_event_type *const payments_void_emits[3] = {
	&shop_payment_declined,
	&shop_payment_voided,
	&shop_payment_refunded,
};

enum wb_err
payments_void_parse(const struct wb_event *event, void *payload,
                    struct wb_arena *arena, struct wb_note *note)
{
	struct payments_move *p = payload;
	enum wb_err err = wb_order_id(event, note, &p->order_id);

	p->move = "VOID";
	p->traceparent = event->traceparent;
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/cause", arena, note, &p->cause);
	return err;
}
