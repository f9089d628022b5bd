/* catalog-api: products, their prices, and what came in of them. */
#include "routes.h"

#include "producer.h"

static const struct wb_http_route routes[] = {
	{ .method = "GET",
	  .path = "/products",
	  .handle = list_products,
	  .roles = WB_ROLE_ANYONE },
	{ .method = "GET",
	  .path = "/products/{sku}",
	  .handle = get_product,
	  .roles = WB_ROLE_ANYONE },
	{ .method = "PUT",
	  .path = "/products/{sku}",
	  .handle = put_product,
	  .roles = WB_FOR_CATALOG },
	{ .method = "POST",
	  .path = "/products/{sku}/receipts",
	  .handle = post_receipt,
	  .roles = WB_FOR_CATALOG },
	{ .method = NULL },
};

int
main(int argc, char **argv)
{
	const struct producer producer = {
		.name = "catalog-api",
		.usage = "Serves the products and takes what comes in.",
		.routes = routes,
	};

	return producer_main(&producer, argc, argv);
}
