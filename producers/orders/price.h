/* What an order costs: prices from this service's own replica of the catalog,
 * never from the client. */
#ifndef WB_ORDERS_PRICE_H
#define WB_ORDERS_PRICE_H

#include "lookup.h"
#include "order.h"

enum price_end {
	PRICE_DONE,    /* order->data, currency and total_minor are set */
	PRICE_MISSING, /* a customer or SKU is not known (yet) */
	PRICE_REFUSED, /* several currencies, or too large a total */
};

/* Unless it is done, errors says where and why. */
enum price_end price_order(struct order *order, const struct lookup *lookup,
                           struct wb_http_errors *errors) WB_MUST_USE;

#endif
