#include "price.h"

#include "base/attr.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* What the catalog says about each line. */
struct priced {
	const struct lookup_product *products[LINES_MAX];
	int64_t unit_prices[LINES_MAX];
	const char *names[LINES_MAX];
	int64_t total_minor;
};

static void
complain(struct wb_http_errors *errors, size_t line, const char *member,
         const char *what)
{
	char pointer[40];

	(void)snprintf(pointer, sizeof(pointer), "/lines/%zu/%s", line, member);
	wb_http_errors_add(errors, pointer, "%s", what);
}

static bool
find_all(const struct order *order, const struct lookup *lookup,
         struct priced *priced, struct wb_http_errors *errors)
{
	bool is_complete = lookup_has_customer(lookup, &order->customer_id);

	if (!is_complete)
		wb_http_errors_add(errors, "/customer_id",
		                   "is not a known customer");
	for (size_t i = 0; i < order->n_lines; i++) {
		priced->products[i] =
		    lookup_product(lookup, order->lines[i].sku);
		if (priced->products[i] != NULL)
			continue;
		complain(errors, i, "sku", "is not a known SKU");
		is_complete = false;
	}
	return is_complete;
}

static bool
has_one_currency(const struct order *order, const struct priced *priced,
                 struct wb_http_errors *errors)
{
	const char *first = priced->products[0]->currency;
	bool is_one = true;

	for (size_t i = 1; i < order->n_lines; i++) {
		if (strcmp(priced->products[i]->currency, first) == 0)
			continue;
		complain(errors, i, "sku",
		         "is sold in another currency than line 0");
		is_one = false;
	}
	return is_one;
}

static bool
sum_up(const struct order *order, struct priced *priced,
       struct wb_http_errors *errors)
{
	int64_t left = TOTAL_MAX_MINOR;

	for (size_t i = 0; i < order->n_lines; i++) {
		int64_t price = priced->products[i]->price_minor;
		int64_t quantity = order->lines[i].quantity;

		if (price > left / quantity) {
			complain(errors, i, "quantity",
			         "makes the total too large");
			return false;
		}
		left -= price * quantity;
		priced->unit_prices[i] = price;
		priced->names[i] = priced->products[i]->name;
	}
	priced->total_minor = TOTAL_MAX_MINOR - left;
	return true;
}

enum price_end
price_order(struct order *order, const struct lookup *lookup,
            struct wb_http_errors *errors)
{
	struct priced priced;

	WB_ASSERT(order->n_lines > 0); /* it was read with one at least */
	if (!find_all(order, lookup, &priced, errors))
		return PRICE_MISSING;
	if (!has_one_currency(order, &priced, errors) ||
	    !sum_up(order, &priced, errors))
		return PRICE_REFUSED;
	order->total_minor = priced.total_minor;
	order->currency = wb_strdup(priced.products[0]->currency);
	order_print_data(order, priced.unit_prices, priced.names);
	return PRICE_DONE;
}
