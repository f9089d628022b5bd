/* The body of POST /orders → an order, or a 422 that names each wrong field. */
#include "order.h"

#include "await_order.h"
#include "refuse.h"
#include "rules.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/json_check.h"

#include <json-c/json.h>

#include <stdio.h>
#include <string.h>

enum { METHOD_BYTES = 64, TEXT_BYTES = 200, POSTAL_CODE_BYTES = 20 };

static void
read_customer(struct order *order, struct wb_http_errors *errors)
{
	const char *text =
	    wb_json_need_text(order->body, "", "customer_id", 0, 64, errors);

	if (text != NULL && !wb_uuid_parse(text, &order->customer_id))
		wb_http_errors_add(errors, "/customer_id", "must be a UUID");
}

static void
read_address(struct order *order, struct wb_http_errors *errors)
{
	static const char *const members[] = { "name",        "line1",   "city",
		                               "postal_code", "country", NULL };
	static const char base[] = "/ship_to";
	struct json_object *from =
	    wb_json_need_object(order->body, "", "ship_to", errors);
	struct order_address *to = &order->ship_to;

	if (from == NULL)
		return;
	wb_json_only(from, base, members, errors);
	to->name = wb_json_need_text(from, base, "name", 1, TEXT_BYTES, errors);
	to->line1 =
	    wb_json_need_text(from, base, "line1", 1, TEXT_BYTES, errors);
	to->city = wb_json_need_text(from, base, "city", 1, TEXT_BYTES, errors);
	to->postal_code = wb_json_need_text(from, base, "postal_code", 0,
	                                    POSTAL_CODE_BYTES, errors);
	to->country = wb_json_need_text(from, base, "country", 2, 2, errors);
	if (to->country != NULL && !is_country(to->country))
		wb_http_errors_add(errors, "/ship_to/country",
		                   "must be a code of ISO 3166-1, such as DE");
}

/* Whether an earlier line has the SKU of line i. */
static void
check_duplicate(const struct order *order, size_t i,
                struct wb_http_errors *errors)
{
	char pointer[32];

	for (size_t j = 0; j < i; j++) {
		if (order->lines[j].sku == NULL ||
		    strcmp(order->lines[j].sku, order->lines[i].sku) != 0)
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/lines/%zu/sku", i);
		wb_http_errors_add(errors, pointer,
		                   "is the SKU of line %zu, too", j);
		return;
	}
}

static void
read_line(struct order *order, size_t i, struct json_object *from,
          struct wb_http_errors *errors)
{
	static const char *const members[] = { "sku", "quantity", NULL };
	struct order_line *line = &order->lines[i];
	char base[32], pointer[40];

	(void)snprintf(base, sizeof(base), "/lines/%zu", i);
	if (!json_object_is_type(from, json_type_object)) {
		wb_http_errors_add(errors, base, "must be an object");
		return;
	}
	wb_json_only(from, base, members, errors);
	(void)wb_json_need_int(from, base, "quantity", 1, QUANTITY_MAX,
	                       &line->quantity, errors); /* errors tells */
	line->sku = wb_json_need_text(from, base, "sku", 1, SKU_BYTES, errors);
	if (line->sku == NULL)
		return;
	if (!is_sku(line->sku)) {
		(void)snprintf(pointer, sizeof(pointer), "%s/sku", base);
		wb_http_errors_add(errors, pointer, SKU_RULE);
		return;
	}
	check_duplicate(order, i, errors);
}

static void
read_lines(struct order *order, struct wb_http_errors *errors)
{
	struct json_object *lines =
	    wb_json_need_array(order->body, "", "lines", 1, LINES_MAX, errors);

	if (lines == NULL)
		return;
	order->n_lines = json_object_array_length(lines);
	order->lines = wb_zalloc(order->n_lines * sizeof(*order->lines));
	for (size_t i = 0; i < order->n_lines; i++)
		read_line(order, i, json_object_array_get_idx(lines, i),
		          errors);
}

static bool
read_fields(struct order *order)
{
	static const char *const members[] = { "customer_id", "lines",
		                               "payment_method", "ship_to",
		                               NULL };
	struct wb_http_errors *errors = wb_http_errors_new();

	wb_json_only(order->body, "", members, errors);
	read_customer(order, errors);
	read_lines(order, errors);
	order->payment_method = wb_json_need_text(
	    order->body, "", "payment_method", 1, METHOD_BYTES, errors);
	read_address(order, errors);
	return !refuse_fields(order->request, errors);
}

struct order *
order_read(struct wb_http_request *request)
{
	struct json_object *body = wb_http_json_body(request);
	struct order *order = NULL;

	if (body == NULL)
		return NULL;
	order = wb_zalloc(sizeof(*order));
	order->request = request;
	order->body = body;
	(void)wb_http_body(request, &order->body_bytes);
	if (!read_fields(order) || !wb_idem_take(request, &order->key)) {
		order_free(order);
		return NULL;
	}
	order->wait_s = await_wanted_s(request);
	order->id = wb_uuid_v7();
	order->event_id = wb_uuid_v7();
	order->placed_us = wb_wall_us();
	(void)wb_uuid_format(&order->id, order->id_text);
	(void)snprintf(order->traceparent, sizeof(order->traceparent), "%s",
	               wb_http_traceparent(request));
	return order;
}
