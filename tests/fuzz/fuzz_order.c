/* The body of POST /orders: what is accepted must be within the rules, and must
 * come out as the JSON that went in. The request is a stand-in of some
 * functions, so that the very sources of the service are run. */
#include "fuzz.h"

#include "await_order.h"
#include "order.h"
#include "rules.h"

#include "base/json_scan.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "service/idempotency.h"

#include <stdlib.h>
#include <string.h>

static struct {
	const uint8_t *body;
	size_t bytes;
	int status; /* 0 until answered */
} fuzz;

/* ---- the request ---- */

const char *
wb_http_header(const struct wb_http_request *request, const char *name)
{
	(void)request;
	return strcmp(name, "Content-Type") == 0 ? "application/json" : NULL;
}

const void *
wb_http_body(const struct wb_http_request *request, size_t *ret_bytes)
{
	(void)request;
	*ret_bytes = fuzz.bytes;
	return fuzz.body;
}

const char *
wb_http_traceparent(const struct wb_http_request *request)
{
	(void)request;
	return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
}

void
wb_http_set_header(struct wb_http_request *request, const char *name,
                   const char *value)
{
	(void)request;
	WB_ASSERT(name != NULL && value != NULL);
}

void
wb_http_problem_errors(struct wb_http_request *request, int status,
                       const char *slug, const char *detail,
                       const struct wb_http_errors *errors)
{
	(void)request;
	(void)slug;
	WB_ASSERT(fuzz.status == 0);
	WB_ASSERT(wb_utf8_is_valid(detail, strlen(detail)));
	WB_ASSERT(errors == NULL || wb_http_errors_count(errors) > 0);
	fuzz.status = status;
}

void
wb_http_problem(struct wb_http_request *request, int status, const char *slug,
                const char *detail)
{
	wb_http_problem_errors(request, status, slug, detail, NULL);
}

bool
wb_idem_take(struct wb_http_request *request, struct wb_idem **ret_idem)
{
	(void)request;
	*ret_idem = NULL;
	return true;
}

void
wb_idem_free(struct wb_idem *idem)
{
	WB_ASSERT(idem == NULL);
}

int64_t
await_wanted_s(const struct wb_http_request *request)
{
	(void)request;
	return 0;
}

/* ---- the rules ---- */

static void
check_text(const char *text, size_t min, size_t max)
{
	size_t n = strlen(text);

	WB_ASSERT(n >= min && n <= max && wb_utf8_is_valid(text, n));
}

static void
check_order(struct order *order)
{
	static const struct wb_json_rules rules = { .max_depth = 8 };
	int64_t prices[LINES_MAX] = { 0 };
	const char *names[LINES_MAX];
	const char *snapshot;
	size_t i, bytes;

	WB_ASSERT(order->n_lines >= 1 && order->n_lines <= LINES_MAX);
	for (i = 0; i < order->n_lines; i++) {
		WB_ASSERT(is_sku(order->lines[i].sku));
		WB_ASSERT(order->lines[i].quantity >= 1 &&
		          order->lines[i].quantity <= QUANTITY_MAX);
		names[i] = order->lines[i].sku;
	}
	check_text(order->payment_method, 1, 64);
	check_text(order->ship_to.name, 1, 200);
	check_text(order->ship_to.line1, 1, 200);
	check_text(order->ship_to.city, 1, 200);
	check_text(order->ship_to.postal_code, 0, 20);
	WB_ASSERT(is_country(order->ship_to.country));
	order->currency = wb_strdup("EUR");
	order_print_data(order, prices, names);
	snapshot = order_snapshot(order, &bytes);
	WB_ASSERT(wb_json_scan(snapshot, bytes, &rules, NULL) == WB_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct order *order;

	fuzz.body = data;
	fuzz.bytes = bytes;
	fuzz.status = 0;
	order = order_read(NULL);
	if (order == NULL) {
		WB_ASSERT(fuzz.status == 400 || fuzz.status == 422);
		return 0;
	}
	WB_ASSERT(fuzz.status == 0);
	check_order(order);
	order_free(order);
	return 0;
}
