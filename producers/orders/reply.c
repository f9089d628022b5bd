#include "reply.h"

#include "await_order.h"
#include "show_order.h"
#include "waiters.h"

#include "service/db_call.h"
#include "service/reply_headers.h"

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

struct wb_idem_answer
reply_print(const struct order *order, struct wb_buf *headers,
            struct wb_buf *body)
{
	wb_buf_printf(headers, "Location: /orders/%s\n", order->id_text);
	wb_buf_printf(body,
	              "{\"order_id\":\"%s\",\"status\":\"PENDING\","
	              "\"total_minor\":%" PRId64 ",\"currency\":",
	              order->id_text, order->total_minor);
	wb_buf_add_json_string(body, order->currency, strlen(order->currency));
	wb_buf_adds(body, "}");
	return (struct wb_idem_answer){
		.status = 202,
		.headers = headers->data,
		.body = body->data,
		.body_bytes = body->len,
	};
}

/* 202 */
static void
reply_accepted(struct order *order)
{
	struct wb_buf headers = { 0 }, body = { 0 };
	struct wb_idem_answer answer;

	answer = reply_print(order, &headers, &body);
	wb_reply_headers(order->request, answer.headers);
	wb_http_reply_json(order->request, answer.status, answer.body,
	                   answer.body_bytes);
	wb_buf_fini(&headers);
	wb_buf_fini(&body);
}

static void
on_awaited(struct wb_http_request *request, const struct wb_uuid *id,
           const struct wb_pg_result *result, size_t row, void *arg)
{
	struct order *order = arg;

	(void)id;
	show_wait_applied(request, order->wait_s);
	if (result == NULL) {
		reply_accepted(order);
		return;
	}
	set_location(order);
	show_order_row(request, result, row);
}

static void
free_awaited(void *arg)
{
	order_free(arg);
}

void
reply_committed(struct order *order)
{
	if (order->request == NULL || order->wait_s == 0 ||
	    !waiters_have_room()) {
		if (order->request != NULL)
			reply_accepted(order);
		order_free(order);
		return;
	}
	/* Its answer is stored: who asks again need not wait. */
	wb_idem_free(order->key);
	order->key = NULL;
	await_order(order->request, &(struct await){
	                                .order_id = order->id,
	                                .version = 1,
	                                .wait_s = order->wait_s,
	                                .fn = on_awaited,
	                                .free_arg = free_awaited,
	                                .arg = order,
	                            });
}

void
reply_by_key(struct order *order)
{
	if (order->request != NULL)
		wb_idem_answer(order->key, order->request);
}

void
reply_refused(struct order *order)
{
	if (order->request != NULL)
		wb_http_problem_errors(
		    order->request, 422, "unacceptable-order",
		    "The order can't be accepted.", order->errors);
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
