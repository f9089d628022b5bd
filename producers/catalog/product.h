/* How a product looks in an answer and in an event. */
#ifndef WB_CATALOG_PRODUCT_H
#define WB_CATALOG_PRODUCT_H

#include "base/buf.h"
#include "pg/pg.h"

#define PRICE_MAX_MINOR INT64_C(1000000000000)
#define NAME_BYTES      200

struct product {
	const char *sku;
	const char *name;
	int64_t price_minor;
	const char *currency;
	int64_t version;
};

/* Appends {"sku":…,"name":…,"price_minor":…,"currency":…,"version":…}. */
void product_print(struct wb_buf *buf, const struct product *product);

/* The columns that product_print_row reads, in this order. */
#define PRODUCT_COLUMNS "sku, name, price_minor, currency, version"

/* A wb_page_item_fn. */
void product_print_row(struct wb_buf *buf, const struct wb_pg_result *result,
                       size_t row);

#endif
