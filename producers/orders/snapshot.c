/* An order as it was accepted, in JSON: what each event of the saga carries. */
#include "order.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static const char prefix[] = "{\"order\":";

static void
add_text(struct wb_buf *buf, const char *name, const char *text)
{
	wb_buf_adds(buf, name);
	wb_buf_add_json_string(buf, text, strlen(text));
}

static void
print_head(struct wb_buf *buf, const struct order *order)
{
	char customer_id[WB_UUID_TEXT_BYTES];

	wb_buf_printf(buf, "{\"order_id\":\"%s\",\"customer_id\":\"%s\"",
	              order->id_text,
	              wb_uuid_format(&order->customer_id, customer_id));
	add_text(buf, ",\"currency\":", order->currency);
	wb_buf_printf(buf, ",\"total_minor\":%" PRId64, order->total_minor);
	add_text(buf, ",\"payment_method\":", order->payment_method);
}

static void
print_lines(struct wb_buf *buf, const struct order *order,
            const int64_t *unit_prices, const char *const *names)
{
	for (size_t i = 0; i < order->n_lines; i++) {
		const struct order_line *line = &order->lines[i];

		wb_buf_adds(buf, i == 0 ? ",\"lines\":[" : ",");
		add_text(buf, "{\"sku\":", line->sku);
		add_text(buf, ",\"name\":", names[i]);
		wb_buf_printf(buf,
		              ",\"quantity\":%" PRId64
		              ",\"unit_price_minor\":%" PRId64 "}",
		              line->quantity, unit_prices[i]);
	}
	wb_buf_adds(buf, "]");
}

static void
print_address(struct wb_buf *buf, const struct order_address *address)
{
	add_text(buf, ",\"ship_to\":{\"name\":", address->name);
	add_text(buf, ",\"line1\":", address->line1);
	add_text(buf, ",\"city\":", address->city);
	add_text(buf, ",\"postal_code\":", address->postal_code);
	add_text(buf, ",\"country\":", address->country);
	wb_buf_adds(buf, "}");
}

void
order_print_data(struct order *order, const int64_t *unit_prices,
                 const char *const *names)
{
	struct wb_buf *buf = &order->data;
	char placed[WB_TIME_TEXT_BYTES];

	wb_buf_adds(buf, prefix);
	print_head(buf, order);
	print_lines(buf, order, unit_prices, names);
	print_address(buf, &order->ship_to);
	wb_buf_printf(buf, ",\"placed_at\":\"%s\"}}",
	              wb_time_format(order->placed_us, placed));
}

const char *
order_snapshot(const struct order *order, size_t *ret_bytes)
{
	size_t before = sizeof(prefix) - 1;

	*ret_bytes = order->data.len - before - 1;
	return order->data.data + before;
}
