/* GET /customers/{id}/orders */
#include "routes.h"

#include "base/clock.h"
#include "service/db_call.h"
#include "service/page.h"

#include <inttypes.h>
#include <string.h>

struct state {
	struct wb_uuid customer_id;
	const char *status; /* static; NULL = all */
	struct wb_page page;
};

enum { ORDER_ID, STATUS, CURRENCY, TOTAL_MINOR, PLACED_US, ENDED_US };

/* Ids are UUIDv7: their order is that of time. */
static const struct wb_pg_stmt select_orders = {
	.name = "list_customer_orders",
	.sql = "SELECT order_id, status, currency, total_minor,"
	       " (extract(epoch FROM placed_at) * 1000000)::bigint,"
	       " (extract(epoch FROM ended_at) * 1000000)::bigint FROM orders "
	       "WHERE customer_id = $1::uuid"
	       " AND status = coalesce($2::text, status)"
	       " AND order_id < coalesce($3::uuid,"
	       " 'ffffffff-ffff-ffff-ffff-ffffffffffff') "
	       "ORDER BY order_id DESC LIMIT $4::bigint",
};

/* One of the statuses, or NULL. */
static const char *
find_status(const char *text)
{
	static const char *const statuses[] = { "PENDING", "CONFIRMED",
		                                "REJECTED", "CANCELLED" };

	for (size_t i = 0; i < WB_ARRAY_LEN(statuses); i++)
		if (strcmp(statuses[i], text) == 0)
			return statuses[i];
	return NULL;
}

static void
print_order(struct wb_buf *buf, const struct wb_pg_result *result, size_t row)
{
	char time[WB_TIME_TEXT_BYTES];

	wb_buf_printf(buf, "{\"order_id\":\"%s\",\"status\":\"%s\"",
	              wb_pg_text(result, row, ORDER_ID),
	              wb_pg_text(result, row, STATUS));
	wb_buf_adds(buf, ",\"currency\":");
	wb_buf_add_json_string(buf, wb_pg_text(result, row, CURRENCY),
	                       wb_pg_bytes(result, row, CURRENCY));
	wb_buf_printf(buf,
	              ",\"total_minor\":%" PRId64
	              ",\"placed_at\":\"%s\",\"ended_at\":",
	              wb_pg_i64(result, row, TOTAL_MINOR),
	              wb_time_format(wb_pg_i64(result, row, PLACED_US), time));
	if (wb_pg_is_null(result, row, ENDED_US))
		wb_buf_adds(buf, "null}");
	else
		wb_buf_printf(
		    buf, "\"%s\"}",
		    wb_time_format(wb_pg_i64(result, row, ENDED_US), time));
}

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	const struct state *state = call->state;

	call->status = 200;
	wb_page_print(&call->body, &state->page, result, print_order);
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->customer_id);
	wb_pg_arg_text(args, state->status);
	wb_page_bind(&state->page, args);
	wb_tx_query(call->tx, &select_orders, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
};

/* False: answered. */
static bool
read_query(struct wb_http_request *request, struct state *ret_state)
{
	const char *status = wb_http_query_param(request, "status");

	if (status != NULL) {
		ret_state->status = find_status(status);
		if (ret_state->status == NULL) {
			wb_http_problem(request, 400, "invalid-query",
			                "status must be PENDING, CONFIRMED, "
			                "REJECTED or CANCELLED.");
			return false;
		}
	}
	return wb_page_read(request, wb_page_is_uuid, &ret_state->page);
}

void
list_customer_orders(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	struct state *kept = NULL, state = { 0 };

	if (!wb_uuid_parse(wb_http_path_param(request, "id"),
	                   &state.customer_id)) {
		wb_http_problem(request, 404, NULL,
		                "There is no such customer.");
		return;
	}
	if (!read_query(request, &state))
		return;
	call = wb_db_call_new(arg, request, &work);
	kept = call->state;
	*kept = state;
	wb_db_call_start(call);
}
