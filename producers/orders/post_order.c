/* POST /orders → order.placed.v1 */
#include "routes.h"

#include "accept.h"

void
post_order(struct wb_http_request *request, void *arg)
{
	struct order *order = order_read(request);

	(void)arg; /* stored on connections of its own */
	if (order != NULL)
		accept_submit(order);
}
