/* POST /orders/{id}/cancel → order.cancel_requested.v1, once. */
#include "routes.h"

#include "refuse.h"

#include "http/json_check.h"
#include "saga/outbox.h"
#include "service/db_call.h"
#include "shop/events.h"

#include <json-c/json.h>

#include <stdio.h>
#include <string.h>

struct state {
	struct wb_uuid id;
	const struct wb_uuid *only_customer; /* NULL = any */
	char id_text[WB_UUID_TEXT_BYTES];
	struct wb_uuid event_id;
	const char *traceparent;
	const char *outcome; /* of request_cancel; NULL = no such order */
};

static const struct wb_pg_stmt request_cancel = {
	.name = "request_cancel",
	.sql = "SELECT c.outcome, c.sequence, c.snapshot "
	       "FROM orders o, request_cancel(o.order_id) c "
	       "WHERE o.order_id = $1::uuid"
	       " AND ($2::uuid IS NULL OR o.customer_id = $2::uuid)",
};

static const char cause[] =
    "\"cause\":{\"code\":\"CUSTOMER_REQUEST\",\"step\":\"orders\","
    "\"detail\":\"cancelled through the API\"}";

static void
emit(struct wb_db_call *call, int64_t sequence, const char *snapshot)
{
	const struct state *state = call->state;
	struct wb_outbox *outbox = wb_outbox_new();
	struct wb_buf data = { 0 };

	wb_buf_printf(&data, "{\"order\":%s,%s}", snapshot, cause);
	wb_outbox_add(outbox, &(struct wb_outbox_event){
	                          .id = state->event_id,
	                          .type = &shop_order_cancel_requested,
	                          .aggregate_id = state->id_text,
	                          .sequence = sequence,
	                          .correlation_id = state->id_text,
	                          .causation_id = "",
	                          .traceparent = state->traceparent,
	                          .data = data.data,
	                          .data_bytes = data.len,
	                      });
	wb_outbox_write(outbox, call->tx);
	wb_buf_fini(&data);
	wb_outbox_free(outbox);
}

static void
accept_request(struct wb_db_call *call)
{
	const struct state *state = call->state;
	char location[64];

	(void)snprintf(location, sizeof(location), "/orders/%s",
	               state->id_text);
	call->status = 202;
	wb_db_call_header(call, "Location", location);
	wb_buf_printf(&call->body,
	              "{\"order_id\":\"%s\",\"status\":\"PENDING\","
	              "\"cancel_requested\":true}",
	              state->id_text);
}

static void
on_requested(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	struct state *state = call->state;

	state->outcome = NULL;
	if (wb_pg_rows(result) == 0) { /* no such order */
		wb_tx_commit(call->tx);
		return;
	}
	state->outcome = wb_arena_strdup(call->arena, wb_pg_text(result, 0, 0));
	if (strcmp(state->outcome, "REQUESTED") == 0)
		emit(call, wb_pg_i64(result, 0, 1), wb_pg_text(result, 0, 2));
	if (strcmp(state->outcome, "REQUESTED") == 0 ||
	    strcmp(state->outcome, "ALREADY") == 0)
		accept_request(call);
	wb_db_call_commit(call);
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->id);
	wb_pg_arg_uuid(args, state->only_customer);
	wb_tx_query(call->tx, &request_cancel, args, on_requested, call);
	wb_tx_flush(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	const struct state *state = call->state;
	char detail[96];

	if (state->outcome == NULL) {
		refuse_missing(request, "order");
	} else {
		(void)snprintf(detail, sizeof(detail),
		               "The order has ended, it is %s.",
		               state->outcome);
		wb_http_problem(request, 409, "order-ended", detail);
	}
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.takes_key = true,
	.run = run,
	.answer = answer,
};

/* No body, or an object without members; false: answered. */
static bool
read_nothing(struct wb_http_request *request)
{
	static const char *const members[] = { NULL };
	struct wb_http_errors *errors = NULL;
	struct json_object *body = NULL;
	size_t bytes = 0;

	(void)wb_http_body(request, &bytes);
	if (bytes == 0)
		return true;
	body = wb_http_json_body(request);
	if (body == NULL)
		return false;
	errors = wb_http_errors_new();
	wb_json_only(body, "", members, errors);
	json_object_put(body);
	return !refuse_fields(request, errors);
}

void
cancel_order(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	struct state *state = NULL;
	struct wb_uuid id;

	if (!wb_uuid_parse(wb_http_path_param(request, "id"), &id)) {
		refuse_missing(request, "order");
		return;
	}
	if (!read_nothing(request))
		return;
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	state->id = id;
	state->only_customer = wb_db_call_only_customer(call, request);
	(void)wb_uuid_format(&id, state->id_text);
	state->event_id = wb_uuid_v7();
	state->traceparent =
	    wb_arena_strdup(call->arena, wb_http_traceparent(request));
	wb_db_call_start(call);
}
