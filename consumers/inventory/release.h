/* Giving an order's stock back: what the three payment events have in common. */
#ifndef WB_INVENTORY_RELEASE_H
#define WB_INVENTORY_RELEASE_H

#include "saga/order.h"
#include "handlers.h"

extern const struct wb_pg_stmt inventory_release_stmt;
extern const enum wb_pg_elem inventory_release_columns[2];
extern const enum wb_event_type inventory_release_emits[2];

void inventory_release_bind(const void *payload, struct wb_pg_args *args,
                            size_t array);
enum wb_err inventory_release_read(const struct wb_event *event,
                                   const void *payload,
                                   const struct wb_pg_result *result,
                                   size_t row, struct wb_emit *emit,
                                   struct wb_note *note);

#endif
