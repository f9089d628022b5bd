/* POST /products/{sku}/receipts → stock.received.v1 */
#include "routes.h"

#include "refuse.h"
#include "rules.h"

#include "http/json_check.h"
#include "saga/outbox.h"
#include "service/db_call.h"
#include "shop/events.h"

#include <json-c/json.h>

#include <inttypes.h>
#include <string.h>

#define QUANTITY_MAX INT64_C(1000000000)

struct state {
	const char *sku;
	int64_t quantity;
	const char *traceparent;
	struct wb_uuid receipt_id, event_id;
};

static const struct wb_pg_stmt receive = {
	.name = "receive_stock",
	.sql = "SELECT outcome, sequence FROM receive_stock($1::uuid, "
	       "$2::text, $3::bigint)",
};

static void
print_receipt(struct wb_buf *buf, const struct state *state)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_buf_printf(buf, "{\"receipt_id\":\"%s\",\"sku\":",
	              wb_uuid_format(&state->receipt_id, id));
	wb_buf_add_json_string(buf, state->sku, strlen(state->sku));
	wb_buf_printf(buf, ",\"quantity\":%" PRId64 "}", state->quantity);
}

static void
emit(struct wb_db_call *call, int64_t sequence)
{
	const struct state *state = call->state;
	struct wb_outbox *outbox = wb_outbox_new();

	wb_outbox_add(outbox, &(struct wb_outbox_event){
	                          .id = state->event_id,
	                          .type = &shop_stock_received,
	                          .aggregate_id = state->sku,
	                          .sequence = sequence,
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
on_received(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	const char *outcome = wb_pg_text(result, 0, 0);

	if (strcmp(outcome, "MISSING") != 0) {
		call->status = 201;
		print_receipt(&call->body, call->state);
	}
	/* KNOWN: an earlier try of this very request was committed. */
	if (strcmp(outcome, "RECEIVED") == 0)
		emit(call, wb_pg_i64(result, 0, 1));
	wb_db_call_commit(call);
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, &state->receipt_id);
	wb_pg_arg_text(args, state->sku);
	wb_pg_arg_i64(args, state->quantity);
	wb_tx_query(call->tx, &receive, args, on_received, call);
	wb_tx_flush(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	(void)call;
	refuse_missing(request, "product");
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.takes_key = true,
	.run = run,
	.answer = answer,
};

static bool
read_quantity(struct wb_http_request *request, int64_t *ret_quantity)
{
	static const char *const members[] = { "quantity", NULL };
	struct json_object *body = wb_http_json_body(request);
	struct wb_http_errors *errors = NULL;

	if (body == NULL)
		return false;
	errors = wb_http_errors_new();
	wb_json_only(body, "", members, errors);
	(void)wb_json_need_int(body, "", "quantity", 1, QUANTITY_MAX,
	                       ret_quantity, errors); /* errors tells */
	json_object_put(body);
	return !refuse_fields(request, errors);
}

void
post_receipt(struct wb_http_request *request, void *arg)
{
	const char *sku = wb_http_path_param(request, "sku");
	struct wb_db_call *call = NULL;
	struct state *state = NULL;
	int64_t quantity = 0;

	if (!is_sku(sku)) {
		refuse_missing(request, "product");
		return;
	}
	if (!read_quantity(request, &quantity))
		return;
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	state->sku = wb_arena_strdup(call->arena, sku);
	state->quantity = quantity;
	state->traceparent =
	    wb_arena_strdup(call->arena, wb_http_traceparent(request));
	state->receipt_id = wb_uuid_v7();
	state->event_id = wb_uuid_v7();
	wb_db_call_start(call);
}
