/* Leaving no money taken: what the two shipment events have in common. */
#ifndef WB_PAYMENTS_VOID_H
#define WB_PAYMENTS_VOID_H

#include "shop/order.h"
#include "handlers.h"

extern const struct wb_pg_stmt payments_void_stmt;
extern const enum wb_pg_elem payments_void_columns[3];
extern const struct wb_event_type *const payments_void_emits[3];

void payments_void_bind(const void *payload, struct wb_pg_args *args,
                        size_t array);
enum wb_err payments_void_read(const struct wb_event *event,
                               const void *payload,
                               const struct wb_pg_result *result, size_t row,
                               struct wb_emit *emit, struct wb_note *note);

#endif
