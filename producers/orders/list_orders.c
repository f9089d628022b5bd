/* GET /orders?customer_id= */
#include "routes.h"

#include "order_view.h"

#include "service/db_call.h"
#include "service/page.h"

#include <stdio.h>

struct state {
	struct wb_uuid customer_id;
	struct wb_page page;
};

/* Ids are UUIDv7: their order is that of time. */
static const struct wb_pg_stmt select_orders = {
	.name = "list_orders",
	.sql = "SELECT " ORDER_COLUMNS " FROM orders "
	       "WHERE customer_id = $1::uuid AND order_id < coalesce($2::uuid,"
	       " 'ffffffff-ffff-ffff-ffff-ffffffffffff') "
	       "ORDER BY order_id DESC LIMIT $3::bigint",
};

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	struct state *state = call->state;

	wb_page_print(&call->body, &state->page, result, order_view_print);
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->customer_id);
	wb_page_bind(&state->page, args);
	wb_tx_query(call->tx, &select_orders, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	const struct state *state = call->state;
	char id[WB_UUID_TEXT_BYTES], filters[64];

	(void)snprintf(filters, sizeof(filters), "customer_id=%s&",
	               wb_uuid_format(&state->customer_id, id));
	wb_page_reply(request, &state->page, filters, &call->body);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
	.answer = answer,
};

void
list_orders(struct wb_http_request *request, void *arg)
{
	const char *customer_id = wb_http_query_param(request, "customer_id");
	const struct wb_uuid *only = wb_http_only_customer(request);
	struct wb_db_call *call = NULL;
	struct state *kept = NULL, state;

	if (customer_id == NULL && only != NULL) {
		state.customer_id = *only;
	} else if (customer_id == NULL ||
	           !wb_uuid_parse(customer_id, &state.customer_id)) {
		wb_http_problem(request, 400, "invalid-query",
		                "customer_id must be given, a UUID.");
		return;
	}
	if (only != NULL && wb_uuid_compare(&state.customer_id, only) != 0) {
		wb_http_refuse_customer(request);
		return;
	}
	if (!wb_page_read(request, wb_page_is_uuid, &state.page))
		return;
	call = wb_db_call_new(arg, request, &work);
	kept = call->state;
	*kept = state;
	wb_db_call_start(call);
}
