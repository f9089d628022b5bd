/* GET /orders/{id}, at once or when the order has ended. */
#include "routes.h"

#include "await_order.h"
#include "order_view.h"
#include "refuse.h"
#include "show_order.h"
#include "waiters.h"

#include "service/db_call.h"

struct state {
	struct wb_db *db;
	struct wb_uuid id;
	const struct wb_uuid *only_customer; /* NULL = any */
	int64_t wait_s;
	int64_t version; /* 0 = there is no such order */
	bool is_pending;
};

static const struct wb_pg_stmt select_order = {
	.name = "get_order",
	.sql = "SELECT " ORDER_COLUMNS " FROM orders "
	       "WHERE order_id = $1::uuid"
	       " AND ($2::uuid IS NULL OR customer_id = $2::uuid)",
};

static void ask(struct wb_http_request *request, struct wb_db *db,
                const struct wb_uuid *id, int64_t wait_s);

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	struct state *state = call->state;

	if (wb_pg_rows(result) == 0)
		return;
	state->version = order_view_version(result, 0);
	state->is_pending = order_view_is_pending(result, 0);
	order_view_print(&call->body, result, 0);
}

static void
run(struct wb_db_call *call)
{
	struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	state->version = 0;
	wb_pg_arg_uuid(args, &state->id);
	wb_pg_arg_uuid(args, state->only_customer);
	wb_tx_query(call->tx, &select_order, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

/* It has ended, or the time is over: as it is now. */
static void
on_awaited(struct wb_http_request *request, const struct wb_uuid *id,
           const struct wb_pg_result *result, size_t row, void *arg)
{
	if (result != NULL)
		show_order_row(request, result, row);
	else
		ask(request, arg, id, 0);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	const struct state *state = call->state;

	if (state->version == 0) {
		refuse_missing(request, "order");
		return;
	}
	if (state->wait_s > 0 && waiters_have_room()) {
		show_wait_applied(request, state->wait_s);
		if (state->is_pending) {
			await_order(request, &(struct await){
			                         .order_id = state->id,
			                         .version = state->version,
			                         .wait_s = state->wait_s,
			                         .fn = on_awaited,
			                         .arg = state->db,
			                     });
			return;
		}
	}
	show_order(request, state->version, &call->body);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
	.answer = answer,
};

static void
ask(struct wb_http_request *request, struct wb_db *db, const struct wb_uuid *id,
    int64_t wait_s)
{
	struct wb_db_call *call = wb_db_call_new(db, request, &work);
	struct state *state = call->state;

	state->db = db;
	state->id = *id;
	state->only_customer = wb_db_call_only_customer(call, request);
	state->wait_s = wait_s;
	wb_db_call_start(call);
}

void
get_order(struct wb_http_request *request, void *arg)
{
	struct wb_uuid id;

	if (!wb_uuid_parse(wb_http_path_param(request, "id"), &id))
		refuse_missing(request, "order");
	else
		ask(request, arg, &id, await_wanted_s(request));
}
