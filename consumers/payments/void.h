/* Leaving no money taken: what the two shipment events have in common. */
#ifndef WB_PAYMENTS_VOID_H
#define WB_PAYMENTS_VOID_H

#include "move.h"

extern const struct wb_event_type *const payments_void_emits[3];

enum wb_err payments_void_parse(const struct wb_event *event, void *payload,
                                struct wb_arena *arena, struct wb_note *note);

#endif
