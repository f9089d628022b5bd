/* Reading data.order and its neighbours. */
#include "shop/order.h"

enum wb_err
wb_order_id(const struct wb_event *event, struct wb_note *note,
            struct wb_uuid *ret_id)
{
	return wb_subject_id(event, "/order/order_id", note, ret_id);
}
