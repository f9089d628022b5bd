/* PUT /products/{sku} → product.upserted.v1, when something changes. */
#include "routes.h"

#include "product.h"
#include "refuse.h"
#include "rules.h"

#include "http/json_check.h"
#include "saga/outbox.h"
#include "service/db_call.h"
#include "shop/events.h"

#include <json-c/json.h>

#include <string.h>

struct state {
	struct product product;
	const char *traceparent;
	struct wb_uuid event_id;
};

static const struct wb_pg_stmt put = {
	.name = "put_product",
	.sql = "SELECT outcome, version, sequence FROM put_product($1::text, "
	       "$2::text, $3::bigint, $4::text)",
};

static void
emit(struct wb_db_call *call, int64_t sequence)
{
	const struct state *state = call->state;
	struct wb_outbox *outbox = wb_outbox_new();

	wb_outbox_add(outbox, &(struct wb_outbox_event){
	                          .id = state->event_id,
	                          .type = &shop_product_upserted,
	                          .aggregate_id = state->product.sku,
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
on_put(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;
	struct state *state = call->state;
	const char *outcome = wb_pg_text(result, 0, 0);

	state->product.version = wb_pg_i64(result, 0, 1);
	product_print(&call->body, &state->product);
	call->status = strcmp(outcome, "CREATED") == 0 ? 201 : 200;
	if (strcmp(outcome, "UNCHANGED") != 0)
		emit(call, wb_pg_i64(result, 0, 2));
	wb_tx_commit(call->tx);
}

static void
run(struct wb_db_call *call)
{
	const struct state *state = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_text(args, state->product.sku);
	wb_pg_arg_text(args, state->product.name);
	wb_pg_arg_i64(args, state->product.price_minor);
	wb_pg_arg_text(args, state->product.currency);
	wb_tx_query(call->tx, &put, args, on_put, call);
	wb_tx_flush(call->tx);
	wb_pg_args_free(args);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct state),
	.run = run,
};

/* The fields, borrowed from body; false: answered. */
static bool
read_product(struct wb_http_request *request, struct json_object *body,
             struct product *ret_product)
{
	static const char *const members[] = { "name", "price_minor",
		                               "currency", NULL };
	struct wb_http_errors *errors = wb_http_errors_new();
	struct product *p = ret_product;

	wb_json_only(body, "", members, errors);
	p->name = wb_json_need_text(body, "", "name", 1, NAME_BYTES, errors);
	(void)wb_json_need_int(body, "", "price_minor", 0, PRICE_MAX_MINOR,
	                       &p->price_minor, errors); /* errors tells */
	p->currency = wb_json_need_text(body, "", "currency", 3, 3, errors);
	if (p->currency != NULL && !is_currency(p->currency))
		wb_http_errors_add(errors, "/currency",
		                   "must be a code of ISO 4217, such as EUR");
	p->sku = wb_http_path_param(request, "sku");
	return !refuse_fields(request, errors);
}

static void
start(struct wb_http_request *request, struct wb_db *db,
      const struct product *product)
{
	struct wb_db_call *call = wb_db_call_new(db, request, &work);
	struct state *state = call->state;

	state->product = (struct product){
		.sku = wb_arena_strdup(call->arena, product->sku),
		.name = wb_arena_strdup(call->arena, product->name),
		.price_minor = product->price_minor,
		.currency = wb_arena_strdup(call->arena, product->currency),
	};
	state->traceparent =
	    wb_arena_strdup(call->arena, wb_http_traceparent(request));
	state->event_id = wb_uuid_v7();
	wb_db_call_start(call);
}

void
put_product(struct wb_http_request *request, void *arg)
{
	struct json_object *body = NULL;
	struct product product = { 0 };

	if (!is_sku(wb_http_path_param(request, "sku"))) {
		wb_http_problem(request, 400, "invalid-sku",
		                "The SKU " SKU_RULE ".");
		return;
	}
	body = wb_http_json_body(request);
	if (body == NULL)
		return;
	if (read_product(request, body, &product))
		start(request, arg, &product);
	json_object_put(body);
}
