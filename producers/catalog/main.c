/* catalog-api: products, their prices, and what came in of them. */
#include "routes.h"

#include "producer.h"

static const struct wb_http_route routes[] = {
	{ "GET", "/products", list_products },
	{ "GET", "/products/{sku}", get_product },
	{ "PUT", "/products/{sku}", put_product },
	{ "POST", "/products/{sku}/receipts", post_receipt },
	{ NULL, NULL, NULL },
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
