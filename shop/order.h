/* What most handlers need of an order's event: whose order it is. */
#ifndef WB_SHOP_ORDER_H
#define WB_SHOP_ORDER_H

#include "saga/subject.h"

/* data.order.order_id. SCHEMA_VIOLATION when it is missing, no UUID, or not the
 * event's subject. */
enum wb_err wb_order_id(const struct wb_event *event, struct wb_note *note,
                        struct wb_uuid *ret_id) WB_MUST_USE;

#endif
