/* GET /products/{sku} */
#include "routes.h"

#include "product.h"
#include "refuse.h"
#include "rules.h"

#include "service/db_call.h"

static const struct wb_pg_stmt select_product = {
	.name = "get_product",
	.sql = "SELECT " PRODUCT_COLUMNS " FROM products WHERE sku = $1::text",
};

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;

	if (wb_pg_rows(result) == 0)
		return;
	call->status = 200;
	product_print_row(&call->body, result, 0);
}

static void
run(struct wb_db_call *call)
{
	const char *const *sku = call->state;
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_text(args, *sku);
	wb_tx_query(call->tx, &select_product, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	(void)call;
	refuse_missing(request, "product");
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(const char *),
	.run = run,
	.answer = answer,
};

void
get_product(struct wb_http_request *request, void *arg)
{
	const char *sku = wb_http_path_param(request, "sku");
	struct wb_db_call *call = NULL;
	const char **state = NULL;

	if (!is_sku(sku)) {
		refuse_missing(request, "product");
		return;
	}
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	*state = wb_arena_strdup(call->arena, sku);
	wb_db_call_start(call);
}
