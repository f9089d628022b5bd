/* What most handlers of a saga need of an event: which aggregate it is about,
 * and members of its data as they came. */
#ifndef WB_SAGA_SUBJECT_H
#define WB_SAGA_SUBJECT_H

#include "base/arena.h"
#include "event/envelope.h"

/* The UUID at path in data ("/order/order_id"). SCHEMA_VIOLATION when it is
 * missing, no UUID, or not the event's subject. */
enum wb_err wb_subject_id(const struct wb_event *event, const char *path,
                          struct wb_note *note,
                          struct wb_uuid *ret_id) WB_MUST_USE;

/* The JSON text of a member of data that is an object ("/cause", "/shipment",
 * "/order"), in the arena. */
enum wb_err wb_subject_member(const struct wb_event *event, const char *path,
                              struct wb_arena *arena, struct wb_note *note,
                              const char **ret_json) WB_MUST_USE;

#endif
