/* POST /orders → order.placed.v1 */
#include "routes.h"

#include "accept.h"
#include "overload.h"

void
post_order(struct wb_http_request *request, void *arg)
{
	const struct wb_uuid *only = wb_http_only_customer(request);
	struct order *order = NULL;

	(void)arg; /* stored on connections of its own */
	if (overload_refuses(request))
		return;
	order = order_read(request);
	if (order == NULL)
		return;
	if (only != NULL && wb_uuid_compare(&order->customer_id, only) != 0) {
		wb_http_refuse_customer(request);
		order_free(order);
		return;
	}
	accept_submit(order);
}
