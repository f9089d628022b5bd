/* GET /products */
#include "routes.h"

#include "product.h"
#include "rules.h"

#include "service/db_call.h"
#include "service/page.h"

static const struct wb_pg_stmt select_products = {
	.name = "list_products",
	.sql = "SELECT " PRODUCT_COLUMNS " FROM products "
	       "WHERE sku > coalesce($1::text, '') ORDER BY sku "
	       "LIMIT $2::bigint",
};

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;

	wb_page_print(&call->body, call->state, result, product_print_row);
}

static void
run(struct wb_db_call *call)
{
	struct wb_pg_args *args = wb_pg_args_new();

	wb_page_bind(call->state, args);
	wb_tx_query(call->tx, &select_products, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	wb_page_reply(request, call->state, "", &call->body);
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct wb_page),
	.run = run,
	.answer = answer,
};

void
list_products(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	struct wb_page *state = NULL, page;

	if (!wb_page_read(request, is_sku, &page))
		return;
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	*state = page;
	wb_db_call_start(call);
}
