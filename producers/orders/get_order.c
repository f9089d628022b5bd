/* GET /orders/{id} */
#include "routes.h"

#include "order_view.h"
#include "refuse.h"

#include "service/db_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct state {
	struct wb_uuid id;
	const char *if_none_match; /* NULL = absent */
	int64_t version;           /* 0 = there is no such order */
};

static const struct wb_pg_stmt select_order = {
	.name = "get_order",
	.sql = "SELECT " ORDER_COLUMNS " FROM orders "
	       "WHERE order_id = $1::uuid",
};

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	struct state *state = call->state;

	if (wb_pg_rows(result) == 0)
		return;
	state->version = order_view_version(result, 0);
	order_view_print(&call->body, result, 0);
}

static void
run(struct wb_db_call *call)
{
	struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	state->version = 0;
	wb_pg_arg_uuid(args, &state->id);
	wb_tx_query(call->tx, &select_order, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

/* The quotes are part of the tag, so a list of tags holds it as it is. */
static bool
is_matched(const char *if_none_match, const char *etag)
{
	return if_none_match != NULL && (strcmp(if_none_match, "*") == 0 ||
	                                 strstr(if_none_match, etag) != NULL);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	const struct state *state = call->state;
	char etag[32];

	if (state->version == 0) {
		refuse_missing(request, "order");
		return;
	}
	(void)snprintf(etag, sizeof(etag), "\"v%" PRId64 "\"", state->version);
	wb_http_set_header(request, "ETag", etag);
	wb_http_set_header(request, "Cache-Control", "no-cache");
	if (is_matched(state->if_none_match, etag))
		wb_http_reply(request, 304, NULL, NULL, 0);
	else
		wb_http_reply_json(request, 200, call->body.data,
		                   call->body.len);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
	.answer = answer,
};

void
get_order(struct wb_http_request *request, void *arg)
{
	const char *if_none_match = wb_http_header(request, "If-None-Match");
	struct wb_db_call *call = NULL;
	struct state *state = NULL;
	struct wb_uuid id;

	if (!wb_uuid_parse(wb_http_path_param(request, "id"), &id)) {
		refuse_missing(request, "order");
		return;
	}
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	state->id = id;
	if (if_none_match != NULL)
		state->if_none_match =
		    wb_arena_strdup(call->arena, if_none_match);
	wb_db_call_start(call);
}
