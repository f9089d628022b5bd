/* POST /customers → customer.registered.v1 */
#include "routes.h"

#include "customer.h"
#include "refuse.h"
#include "rules.h"

#include "http/json_check.h"
#include "saga/outbox.h"
#include "service/db_call.h"
#include "shop/events.h"

#include <json-c/json.h>

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 200, EMAIL_BYTES = 254 };

struct state {
	struct customer customer;
	bool is_own_id; /* made here, not by the client */
	const char *traceparent;
	struct wb_uuid event_id;
};

static const struct wb_pg_stmt register_customer = {
	.name = "register_customer",
	.sql = "SELECT register_customer($1::uuid, $2::text, $3::text)",
};

static void
emit(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_outbox *outbox = wb_outbox_new();
	char id[WB_UUID_TEXT_BYTES];

	wb_outbox_add(
	    outbox, &(struct wb_outbox_event){
	                .id = state->event_id,
	                .type = &shop_customer_registered,
	                .aggregate_id = wb_uuid_format(&state->customer.id, id),
	                .sequence = 1,
	                .correlation_id = "",
	                .causation_id = "",
	                .traceparent = state->traceparent,
	                .data = call->body.data,
	                .data_bytes = call->body.len,
	            });
	wb_outbox_write(outbox, call->tx);
	wb_outbox_free(outbox);
}

static void
on_registered(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	const struct state *state = call->state;
	const char *outcome = wb_pg_text(result, 0, 0);
	char location[64], id[WB_UUID_TEXT_BYTES];

	customer_print(&call->body, &state->customer);
	(void)snprintf(location, sizeof(location), "/customers/%s",
	               wb_uuid_format(&state->customer.id, id));
	wb_db_call_header(call, "Location", location);
	if (strcmp(outcome, "CREATED") == 0) {
		call->status = 201;
		emit(call);
	} else if (strcmp(outcome, "SAME") == 0) {
		/* An id of our own: an earlier try was committed. */
		call->status = state->is_own_id ? 201 : 200;
	}
	wb_db_call_commit(call);
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->customer.id);
	wb_pg_arg_text(args, state->customer.name);
	wb_pg_arg_text(args, state->customer.email);
	wb_tx_query(call->tx, &register_customer, args, on_registered, call);
	wb_tx_flush(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	(void)call;
	wb_http_problem(request, 409, "customer-exists",
	                "There is a customer with this customer_id, but with "
	                "another name or email.");
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.takes_key = true,
	.run = run,
	.answer = answer,
};

/* customer_id is optional; only: NULL, or what it must be. */
static void
read_id(struct json_object *body, const struct wb_uuid *only,
        struct wb_http_errors *errors, struct state *ret_state)
{
	bool is_absent = !json_object_object_get_ex(body, "customer_id", NULL);
	const char *text = NULL;

	ret_state->is_own_id = is_absent && only == NULL;
	if (is_absent) {
		ret_state->customer.id = only == NULL ? wb_uuid_v7() : *only;
		return;
	}
	text = wb_json_need_text(body, "", "customer_id", 0, 64, errors);
	if (text != NULL && !wb_uuid_parse(text, &ret_state->customer.id))
		wb_http_errors_add(errors, "/customer_id", "must be a UUID");
}

/* Texts are borrowed from body; false: answered. */
static bool
read_customer(struct wb_http_request *request, struct json_object *body,
              struct state *ret_state)
{
	static const char *const members[] = { "customer_id", "name", "email",
		                               NULL };
	struct wb_http_errors *errors = wb_http_errors_new();
	struct customer *customer = &ret_state->customer;

	wb_json_only(body, "", members, errors);
	read_id(body, wb_http_only_customer(request), errors, ret_state);
	customer->name =
	    wb_json_need_text(body, "", "name", 1, NAME_BYTES, errors);
	customer->email =
	    wb_json_need_text(body, "", "email", 3, EMAIL_BYTES, errors);
	if (customer->email != NULL && !is_email(customer->email))
		wb_http_errors_add(errors, "/email",
		                   "must be an address such as a@b.example");
	return !refuse_fields(request, errors);
}

void
post_customer(struct wb_http_request *request, void *arg)
{
	const struct wb_uuid *only = wb_http_only_customer(request);
	struct json_object *body = wb_http_json_body(request);
	struct wb_db_call *call = NULL;
	struct state state = { 0 }, *kept = NULL;

	if (body == NULL)
		return;
	if (!read_customer(request, body, &state)) {
		json_object_put(body);
		return;
	}
	if (only != NULL && wb_uuid_compare(&state.customer.id, only) != 0) {
		wb_http_refuse_customer(request);
	} else {
		call = wb_db_call_new(arg, request, &work);
		kept = call->state;
		*kept = state;
		kept->customer.name =
		    wb_arena_strdup(call->arena, state.customer.name);
		kept->customer.email =
		    wb_arena_strdup(call->arena, state.customer.email);
		kept->traceparent =
		    wb_arena_strdup(call->arena, wb_http_traceparent(request));
		kept->event_id = wb_uuid_v7();
		wb_db_call_start(call);
	}
	json_object_put(body);
}
