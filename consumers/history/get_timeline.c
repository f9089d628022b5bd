/* GET /orders/{id}/timeline */
#include "routes.h"

#include "base/clock.h"
#include "service/db_call.h"

#include <inttypes.h>

struct state {
	struct wb_uuid order_id;
	const struct wb_uuid *only_customer; /* NULL = any */
};

enum { EVENT_ID, TIME_US, SOURCE, TYPE, SEQUENCE, DETAIL };

static const struct wb_pg_stmt select_events = {
	.name = "get_timeline",
	.sql = "SELECT event_id,"
	       " (extract(epoch FROM occurred_at) * 1000000)::bigint,"
	       " source, type, sequence, detail FROM order_events "
	       "WHERE order_id = $1::uuid"
	       " AND ($2::uuid IS NULL OR EXISTS (SELECT FROM orders o"
	       " WHERE o.generation = (SELECT serving FROM projection)"
	       " AND o.order_id = $1::uuid AND o.customer_id = $2::uuid)) "
	       "ORDER BY occurred_at, source, sequence",
};

static void
print_event(struct wb_buf *buf, const struct wb_pg_result *result, size_t row)
{
	char time[WB_TIME_TEXT_BYTES];

	wb_buf_printf(buf, "{\"event_id\":\"%s\",\"time\":\"%s\",\"source\":",
	              wb_pg_text(result, row, EVENT_ID),
	              wb_time_format(wb_pg_i64(result, row, TIME_US), time));
	wb_buf_add_json_string(buf, wb_pg_text(result, row, SOURCE),
	                       wb_pg_bytes(result, row, SOURCE));
	wb_buf_adds(buf, ",\"type\":");
	wb_buf_add_json_string(buf, wb_pg_text(result, row, TYPE),
	                       wb_pg_bytes(result, row, TYPE));
	wb_buf_printf(buf, ",\"sequence\":%" PRId64 ",\"detail\":%s}",
	              wb_pg_i64(result, row, SEQUENCE),
	              wb_pg_text(result, row, DETAIL));
}

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	size_t n = wb_pg_rows(result);

	if (n == 0)
		return;
	call->status = 200;
	wb_buf_adds(&call->body, "{\"items\":[");
	for (size_t row = 0; row < n; row++) {
		if (row > 0)
			wb_buf_adds(&call->body, ",");
		print_event(&call->body, result, row);
	}
	/* An order has a handful of events: there is always one page. */
	wb_buf_adds(&call->body, "],\"next\":null}");
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->order_id);
	wb_pg_arg_uuid(args, state->only_customer);
	wb_tx_query(call->tx, &select_events, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static void
refuse_missing(struct wb_http_request *request)
{
	wb_http_problem(request, 404, NULL,
	                "The history knows of no such order.");
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	if (call->status == 200)
		wb_http_reply_json(request, 200, call->body.data,
		                   call->body.len);
	else
		refuse_missing(request);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
	.answer = answer,
};

void
get_timeline(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	struct state *state = NULL;
	struct wb_uuid id;

	if (!wb_uuid_parse(wb_http_path_param(request, "id"), &id)) {
		refuse_missing(request);
		return;
	}
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	state->order_id = id;
	state->only_customer = wb_db_call_only_customer(call, request);
	wb_db_call_start(call);
}
