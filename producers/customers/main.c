/* customers-api: who orders. */
#include "routes.h"

#include "producer.h"

static const struct wb_http_route routes[] = {
	{ .method = "POST",
	  .path = "/customers",
	  .handle = post_customer,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "GET",
	  .path = "/customers/{id}",
	  .handle = get_customer,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = NULL },
};

int
main(int argc, char **argv)
{
	const struct producer producer = {
		.name = "customers-api",
		.usage = "Registers customers and serves them.",
		.routes = routes,
	};

	return producer_main(&producer, argc, argv);
}
