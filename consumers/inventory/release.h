/* Giving an order's stock back: what the three payment events have in common.
 */
#ifndef WB_INVENTORY_RELEASE_H
#define WB_INVENTORY_RELEASE_H

#include "move.h"

extern const struct wb_event_type *const inventory_release_emits[2];

enum wb_err inventory_release_parse(const struct wb_event *event, void *payload,
                                    struct wb_arena *arena,
                                    struct wb_note *note);
enum wb_err inventory_release_read(const struct wb_event *event,
                                   const void *payload,
                                   const struct wb_pg_result *result,
                                   size_t row, struct wb_emit *emit,
                                   struct wb_note *note);

#endif
