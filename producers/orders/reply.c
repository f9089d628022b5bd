#include "reply.h"

#include "service/db_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void
set_location(struct order *order)
{
	char location[64];

	(void)snprintf(location, sizeof(location), "/orders/%s",
	               order->id_text);
	wb_http_set_header(order->request, "Location", location);
}

void
reply_accepted(struct order *order)
{
	struct wb_buf body = { 0 };

	if (order->request == NULL)
		return;
	wb_buf_printf(&body,
	              "{\"order_id\":\"%s\",\"status\":\"PENDING\","
	              "\"total_minor\":%" PRId64 ",\"currency\":",
	              order->id_text, order->total_minor);
	wb_buf_add_json_string(&body, order->currency, strlen(order->currency));
	wb_buf_adds(&body, "}");
	set_location(order);
	wb_http_reply_json(order->request, 202, body.data, body.len);
	wb_buf_fini(&body);
}

void
reply_refused(struct order *order, const struct wb_http_errors *errors)
{
	if (order->request != NULL)
		wb_http_problem_errors(order->request, 422,
		                       "unacceptable-order",
		                       "The order can't be accepted.", errors);
}

void
reply_unavailable(struct order *order)
{
	if (order->request == NULL)
		return;
	if (order->is_unknown) {
		set_location(order);
		wb_http_unavailable(order->request, "outcome-unknown",
		                    "The database went away before it said "
		                    "whether the order was stored; see "
		                    "Location.");
	} else {
		wb_http_unavailable(order->request, NULL,
		                    "Orders can't be stored at the moment.");
	}
}

void
reply_failed(struct order *order)
{
	if (order->request != NULL)
		wb_http_problem(order->request, 500, NULL,
		                "The request failed inside; see request_id.");
}
