/* orders-api: takes orders, shows them, and asks for their cancellation. */
#include "accept.h"
#include "routes.h"

#include "producer.h"

static const struct wb_http_route routes[] = {
	{ .method = "POST", .path = "/orders", .handle = post_order },
	{ .method = "GET", .path = "/orders", .handle = list_orders },
	{ .method = "GET", .path = "/orders/{id}", .handle = get_order },
	{ .method = "POST",
	  .path = "/orders/{id}/cancel",
	  .handle = cancel_order },
	{ .method = NULL },
};

int
main(int argc, char **argv)
{
	const struct producer_extra extra = {
		.params = accept_param_set,
		.start = accept_start,
		.drain = accept_drain,
		.stop = accept_stop,
	};
	const struct producer producer = {
		.name = "orders-api",
		.usage = "Takes orders and shows them.",
		.routes = routes,
		.extra = &extra,
	};

	return producer_main(&producer, argc, argv);
}
