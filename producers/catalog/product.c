#include "product.h"

#include <inttypes.h>
#include <string.h>

static void
add_text(struct wb_buf *buf, const char *name, const char *text)
{
	wb_buf_adds(buf, name);
	wb_buf_add_json_string(buf, text, strlen(text));
}

void
product_print(struct wb_buf *buf, const struct product *product)
{
	add_text(buf, "{\"sku\":", product->sku);
	add_text(buf, ",\"name\":", product->name);
	wb_buf_printf(buf, ",\"price_minor\":%" PRId64, product->price_minor);
	add_text(buf, ",\"currency\":", product->currency);
	wb_buf_printf(buf, ",\"version\":%" PRId64 "}", product->version);
}

void
product_print_row(struct wb_buf *buf, const struct wb_pg_result *result,
                  size_t row)
{
	const struct product product = {
		.sku = wb_pg_text(result, row, 0),
		.name = wb_pg_text(result, row, 1),
		.price_minor = wb_pg_i64(result, row, 2),
		.currency = wb_pg_text(result, row, 3),
		.version = wb_pg_i64(result, row, 4),
	};

	product_print(buf, &product);
}
