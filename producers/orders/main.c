/* orders-api: takes orders, shows them, and asks for their cancellation. */
#include "accept.h"
#include "live_params.h"
#include "overload.h"
#include "routes.h"
#include "waiters.h"

#include "producer.h"

static const struct wb_http_route routes[] = {
	{ .method = "POST",
	  .path = "/orders",
	  .handle = post_order,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "GET",
	  .path = "/orders",
	  .handle = list_orders,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "GET",
	  .path = "/orders/{id}",
	  .handle = get_order,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "GET",
	  .path = "/orders/{id}/events",
	  .handle = get_order_events,
	  .produces = "text/event-stream",
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "POST",
	  .path = "/orders/{id}/cancel",
	  .handle = cancel_order,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "GET",
	  .path = "/openapi.yaml",
	  .handle = get_contract,
	  .produces = "application/yaml",
	  .roles = WB_ROLE_ANYONE },
	{ .method = "GET",
	  .path = "/docs",
	  .handle = get_docs,
	  .produces = "text/html",
	  .roles = WB_ROLE_ANYONE },
	{ .method = NULL },
};

static void
start(struct wb_loop *loop, const struct wb_pg_params *pg, struct wb_db *db)
{
	overload_start(loop, db);
	accept_start(loop, pg);
	waiters_start(loop, pg);
}

static void
stop(void)
{
	waiters_stop();
	accept_stop();
	overload_stop();
}

int
main(int argc, char **argv)
{
	const struct wb_param_set params[] = {
		accept_param_set,
		overload_param_set,
		live_param_set,
	};
	const struct producer_extra extra = {
		.params = params,
		.n_params = WB_ARRAY_LEN(params),
		.start = start,
		.hurry = waiters_hurry,
		.drain = accept_drain,
		.stop = stop,
	};
	const struct producer producer = {
		.name = "orders-api",
		.usage = "Takes orders and shows them.",
		.routes = routes,
		.extra = &extra,
	};

	return producer_main(&producer, argc, argv);
}
