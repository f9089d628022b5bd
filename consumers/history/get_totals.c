/* GET /orders/totals */
#include "routes.h"

#include "base/clock.h"
#include "service/db_call.h"

#include <stdio.h>
#include <string.h>

enum {
	DAY_BYTES = sizeof("2026-11-28"),
	DEFAULT_DAYS = 30,
	MOST_DAYS = 366,
};

struct state {
	char from[DAY_BYTES], to[DAY_BYTES]; /* both days included */
};

enum { DAY, STATUS, CURRENCY, ORDERS, TOTAL_MINOR };

static const struct wb_pg_stmt select_totals = {
	.name = "get_totals",
	.sql = "SELECT day, status, currency, sum(orders), sum(total_minor) "
	       "FROM order_totals "
	       "WHERE generation = (SELECT serving FROM projection)"
	       " AND day BETWEEN $1::date AND $2::date "
	       "GROUP BY day, status, currency HAVING sum(orders) <> 0 "
	       "ORDER BY day, status, currency",
};

static void
print_total(struct wb_buf *buf, const struct wb_pg_result *result, size_t row)
{
	wb_buf_printf(buf, "{\"day\":\"%s\",\"status\":\"%s\",\"currency\":",
	              wb_pg_text(result, row, DAY),
	              wb_pg_text(result, row, STATUS));
	wb_buf_add_json_string(buf, wb_pg_text(result, row, CURRENCY),
	                       wb_pg_bytes(result, row, CURRENCY));
	wb_buf_printf(buf, ",\"orders\":%s,\"total_minor\":%s}",
	              wb_pg_text(result, row, ORDERS),
	              wb_pg_text(result, row, TOTAL_MINOR));
}

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;

	call->status = 200;
	wb_buf_adds(&call->body, "{\"items\":[");
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		if (row > 0)
			wb_buf_adds(&call->body, ",");
		print_total(&call->body, result, row);
	}
	/* A year has some thousand rows at most: there is always one page. */
	wb_buf_adds(&call->body, "],\"next\":null}");
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_text(args, state->from);
	wb_pg_arg_text(args, state->to);
	wb_tx_query(call->tx, &select_totals, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
};

/* Days since 1970, or false. A day that is none (31 February) parses as no
 * time. */
static bool
parse_day(const char *text, int64_t *ret_day)
{
	char time[DAY_BYTES + sizeof("T00:00:00Z")];
	int64_t us;

	if (strlen(text) != DAY_BYTES - 1)
		return false;
	(void)snprintf(time, sizeof(time), "%sT00:00:00Z", text);
	if (!wb_time_parse(time, &us))
		return false;
	*ret_day = us / INT64_C(86400000000);
	return true;
}

static void
format_day(int64_t day, char text[DAY_BYTES])
{
	char time[WB_TIME_TEXT_BYTES];

	(void)wb_time_format(day * INT64_C(86400000000), time);
	memcpy(text, time, DAY_BYTES - 1);
	text[DAY_BYTES - 1] = '\0';
}

/* False: answered. */
static bool
read_days(struct wb_http_request *request, struct state *ret_state)
{
	const char *from = wb_http_query_param(request, "from");
	const char *to = wb_http_query_param(request, "to");
	int64_t first = 0, last = wb_wall_us() / INT64_C(86400000000);

	if (to != NULL && !parse_day(to, &last))
		goto bad;
	first = last - (DEFAULT_DAYS - 1);
	if (from != NULL && !parse_day(from, &first))
		goto bad;
	if (first < 0 || first > last || last - first >= MOST_DAYS)
		goto bad;
	format_day(first, ret_state->from);
	format_day(last, ret_state->to);
	return true;
bad:
	wb_http_problem(request, 400, "invalid-query",
	                "from and to must be days since 1970 such as "
	                "2026-11-28, at most 366 of them.");
	return false;
}

void
get_totals(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	struct state *kept = NULL, state;

	if (!read_days(request, &state))
		return;
	call = wb_db_call_new(arg, request, &work);
	kept = call->state;
	*kept = state;
	wb_db_call_start(call);
}
