/* What most handlers need of a saga event: whose order it is, and why. */
#ifndef WB_SAGA_ORDER_H
#define WB_SAGA_ORDER_H

#include "base/arena.h"
#include "event/envelope.h"

/* data.order.order_id. SCHEMA_VIOLATION when it is missing, no UUID, or not the
 * event's subject. */
enum wb_err wb_order_id(const struct wb_event *event, struct wb_note *note,
                        struct wb_uuid *ret_id) WB_MUST_USE;

/* The JSON text of a member of data that is an object ("/cause", "/shipment",
 * "/order"), in the arena. */
enum wb_err wb_order_member(const struct wb_event *event, const char *path,
                            struct wb_arena *arena, struct wb_note *note,
                            const char **ret_json) WB_MUST_USE;

/* What an event of the cancelling chain carries. */
struct wb_order_cause {
	struct wb_uuid order_id;
	const char *cause; /* JSON text */
	const char *traceparent;
};
enum wb_err wb_parse_order_cause(const struct wb_event *event, void *payload,
                                 struct wb_arena *arena, struct wb_note *note);

#endif
