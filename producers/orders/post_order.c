/* POST /orders → order.placed.v1 */
#include "routes.h"

#include "accept.h"
#include "overload.h"

void
post_order(struct wb_http_request *request, void *arg)
{
	struct order *order = NULL;

	(void)arg; /* stored on connections of its own */
	if (overload_refuses(request))
		return;
	order = order_read(request);
	if (order != NULL)
		accept_submit(order);
}
