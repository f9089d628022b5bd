/* GET /orders/{id}/events: server-sent events, one for each state of the order
 * that is seen, until it has ended. */
#include "routes.h"

#include "live_params.h"
#include "order_view.h"
#include "refuse.h"
#include "waiters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "service/db_call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_TYPE "text/event-stream"

/* How long a client waits before it asks for the rest. */
#define RETRY "retry: 2000\n"

struct stream {
	struct waiter waiter; /* first: it is known by it */
	struct wb_http_request *request;
};

struct state {
	struct wb_uuid id;
	const struct wb_uuid *only_customer; /* NULL = any */
	int64_t seen;                        /* Last-Event-ID; 0 = none */
	int64_t version;                     /* 0 = there is no such order */
	bool is_pending;
};

static const struct wb_pg_stmt select_order = {
	.name = "order_events",
	.sql = "SELECT " ORDER_COLUMNS " FROM orders "
	       "WHERE order_id = $1::uuid"
	       " AND ($2::uuid IS NULL OR customer_id = $2::uuid)",
};

/* ---- the stream ---- */

static void
rest(struct stream *stream)
{
	stream->waiter.due_us = wb_mono_us() + live_params.heartbeat_ms * 1000;
}

/* A line end within the JSON can only be a blank of its own. */
static void
send_event(struct wb_http_request *request, const char *prefix, int64_t version,
           const struct wb_buf *json)
{
	struct wb_buf event = { 0 };
	size_t at = 0;

	wb_buf_printf(&event, "%sid: %" PRId64 "\nevent: order\ndata: ", prefix,
	              version);
	at = event.len;
	wb_buf_add(&event, json->data, json->len);
	for (; at < event.len; at++)
		if (event.data[at] == '\n' || event.data[at] == '\r')
			event.data[at] = ' ';
	wb_buf_adds(&event, "\n\n");
	wb_http_stream_send(request, event.data, event.len);
	wb_buf_fini(&event);
}

static void
on_gone(void *arg)
{
	struct stream *stream = arg;

	waiters_remove(&stream->waiter);
	free(stream);
}

static void
on_news(struct waiter *waiter, const struct wb_pg_result *result, size_t row)
{
	struct stream *stream = (struct stream *)waiter;
	struct wb_http_request *request = stream->request;
	struct wb_buf json = { 0 };

	order_view_print(&json, result, row);
	send_event(request, "", waiter->version, &json);
	wb_buf_fini(&json);
	rest(stream);
	if (order_view_is_pending(result, row))
		return;
	on_gone(stream);
	wb_http_stream_end(request);
}

/* Comments keep proxies from taking the silence for an end, and find out about
 * clients that went without a word. */
static void
on_due(struct waiter *waiter)
{
	struct stream *stream = (struct stream *)waiter;

	wb_http_stream_send(stream->request, ":\n\n", 3);
	rest(stream);
}

static void
start_stream(struct wb_http_request *request, const struct state *state,
             const struct wb_buf *json)
{
	struct stream *stream = wb_zalloc(sizeof(*stream));

	stream->request = request;
	stream->waiter = (struct waiter){
		.order_id = state->id,
		.version = state->version,
		.on_news = on_news,
		.on_due = on_due,
	};
	rest(stream);
	waiters_add(&stream->waiter);
	wb_http_on_gone(request, on_gone, stream);
	wb_http_set_header(request, "Cache-Control", "no-store");
	/* For proxies that would gather an answer before they pass it on. */
	wb_http_set_header(request, "X-Accel-Buffering", "no");
	if (!wb_http_stream_start(request, CONTENT_TYPE)) {
		on_gone(stream);
		return;
	}
	if (state->version > state->seen)
		send_event(request, RETRY, state->version, json);
	else
		wb_http_stream_send(request, RETRY "\n", sizeof(RETRY));
	if (!state->is_pending) {
		on_gone(stream);
		wb_http_stream_end(request);
	}
}

/* ---- what it begins with ---- */

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

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	const struct state *state = call->state;

	if (state->version == 0)
		refuse_missing(request, "order");
	else if (!state->is_pending && state->version <= state->seen)
		/* An EventSource comes again when a stream has ended: this
		 * tells it not to. */
		wb_http_reply(request, 204, NULL, NULL, 0);
	else if (!waiters_have_room())
		wb_http_unavailable(request, NULL,
		                    "Too many requests wait for orders to "
		                    "move on.");
	else
		start_stream(request, state, &call->body);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
	.answer = answer,
};

/* What is no id of ours has seen nothing. */
static int64_t
read_seen(const char *last_event_id)
{
	size_t n = 0;

	if (last_event_id == NULL)
		return 0;
	n = strspn(last_event_id, "0123456789");
	return n > 0 && n < 19 && last_event_id[n] == '\0'
	           ? strtoll(last_event_id, NULL, 10)
	           : 0;
}

void
get_order_events(struct wb_http_request *request, void *arg)
{
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
	state->only_customer = wb_db_call_only_customer(call, request);
	state->seen = read_seen(wb_http_header(request, "Last-Event-ID"));
	wb_db_call_start(call);
}
