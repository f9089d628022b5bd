/* GET /customers/{id}/orders */
#include "routes.h"

#include "base/clock.h"
#include "service/db_call.h"
#include "service/page.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_DIGITS = 18 };

struct state {
	struct wb_uuid customer_id;
	const char *status;     /* static; NULL = all */
	int64_t from_us, to_us; /* placed at from <= t < to; 0 = open */
	struct wb_page page;
};

enum { KEY, ORDER_ID, STATUS, CURRENCY, TOTAL_MINOR, PLACED_US, ENDED_US };

/* The key of a page is where its last order lies in the index: the microsecond
 * in which it was placed, and its id. */
static const struct wb_pg_stmt select_orders = {
	.name = "list_customer_orders",
	.sql =
	    "SELECT placed_us || '.' || order_id, order_id, status, currency,"
	    " total_minor, placed_us,"
	    " (extract(epoch FROM ended_at) * 1000000)::bigint "
	    "FROM (SELECT *,"
	    " (extract(epoch FROM placed_at) * 1000000)::bigint AS placed_us"
	    " FROM orders) o "
	    "WHERE generation = (SELECT serving FROM projection)"
	    " AND customer_id = $1::uuid"
	    " AND status = coalesce($2::text, status)"
	    " AND placed_at >= coalesce($3::timestamptz, '-infinity')"
	    " AND placed_at < coalesce($4::timestamptz, 'infinity')"
	    " AND (placed_at, order_id) <"
	    " (coalesce('epoch'::timestamptz + interval '1 microsecond'"
	    " * split_part($5::text, '.', 1)::bigint, 'infinity'),"
	    " coalesce(split_part($5, '.', 2)::uuid,"
	    " 'ffffffff-ffff-ffff-ffff-ffffffffffff')) "
	    "ORDER BY placed_at DESC, order_id DESC LIMIT $6::bigint",
};

/* "1795190400123456.0198f2b1-…": before the year 10000. */
static bool
is_key(const char *cursor)
{
	size_t n = strspn(cursor, "0123456789");

	return n > 0 && n <= MOST_DIGITS && cursor[n] == '.' &&
	       wb_page_is_uuid(cursor + n + 1);
}

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
	struct state *state = call->state;

	wb_page_print(&call->body, &state->page, result, print_order);
}

static void
bind_time(struct wb_pg_args *args, int64_t us)
{
	char text[WB_TIME_TEXT_BYTES];

	wb_pg_arg_text(args, us == 0 ? NULL : wb_time_format(us, text));
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->customer_id);
	wb_pg_arg_text(args, state->status);
	bind_time(args, state->from_us);
	bind_time(args, state->to_us);
	wb_page_bind(&state->page, args);
	wb_tx_query(call->tx, &select_orders, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static void
add_time(struct wb_buf *filters, const char *name, int64_t us)
{
	char text[WB_TIME_TEXT_BYTES];

	if (us != 0)
		wb_buf_printf(filters, "%s=%s&", name,
		              wb_time_format(us, text));
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	const struct state *state = call->state;
	struct wb_buf filters = { 0 };

	if (state->status != NULL)
		wb_buf_printf(&filters, "status=%s&", state->status);
	add_time(&filters, "from", state->from_us);
	add_time(&filters, "to", state->to_us);
	wb_page_reply(request, &state->page, wb_buf_text(&filters),
	              &call->body);
	wb_buf_fini(&filters);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
	.answer = answer,
};

/* False: answered. */
static bool
read_time(struct wb_http_request *request, const char *name, int64_t *ret_us)
{
	const char *text = wb_http_query_param(request, name);

	if (text == NULL || (wb_time_parse(text, ret_us) && *ret_us > 0))
		return true;
	wb_http_problem(request, 400, "invalid-query",
	                "from and to must be RFC 3339 times after 1970.");
	return false;
}

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
	return read_time(request, "from", &ret_state->from_us) &&
	       read_time(request, "to", &ret_state->to_us) &&
	       wb_page_read(request, is_key, &ret_state->page);
}

void
list_customer_orders(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	const struct wb_uuid *only = wb_http_only_customer(request);
	struct state *kept = NULL, state = { 0 };

	if (!wb_uuid_parse(wb_http_path_param(request, "id"),
	                   &state.customer_id)) {
		wb_http_problem(request, 404, NULL,
		                "There is no such customer.");
		return;
	}
	if (only != NULL && wb_uuid_compare(&state.customer_id, only) != 0) {
		wb_http_refuse_customer(request);
		return;
	}
	if (!read_query(request, &state))
		return;
	call = wb_db_call_new(arg, request, &work);
	kept = call->state;
	*kept = state;
	wb_db_call_start(call);
}
