/* GET /customers/{id} */
#include "routes.h"

#include "customer.h"
#include "refuse.h"

#include "service/db_call.h"

static const struct wb_pg_stmt select_customer = {
	.name = "get_customer",
	.sql = "SELECT customer_id, name, email FROM customers "
	       "WHERE customer_id = $1::uuid",
};

static void
on_selected(const struct wb_pg_result *result, void *arg)
{
	struct wb_db_call *call = arg;

	if (wb_pg_rows(result) == 0)
		return;
	call->status = 200;
	customer_print(&call->body, &(struct customer){
	                                .id = wb_pg_uuid(result, 0, 0),
	                                .name = wb_pg_text(result, 0, 1),
	                                .email = wb_pg_text(result, 0, 2),
	                            });
}

static void
run(struct wb_db_call *call)
{
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_uuid(args, call->state);
	wb_tx_query(call->tx, &select_customer, args, on_selected, call);
	wb_tx_commit(call->tx);
	wb_pg_args_free(args);
}

static void
answer(struct wb_db_call *call, struct wb_http_request *request)
{
	(void)call;
	refuse_missing(request, "customer");
}

static const struct wb_db_work work = {
	.state_bytes = sizeof(struct wb_uuid),
	.run = run,
	.answer = answer,
};

void
get_customer(struct wb_http_request *request, void *arg)
{
	struct wb_db_call *call = NULL;
	const struct wb_uuid *only = NULL;
	struct wb_uuid *state = NULL, id;

	if (!wb_uuid_parse(wb_http_path_param(request, "id"), &id)) {
		refuse_missing(request, "customer");
		return;
	}
	only = wb_http_only_customer(request);
	if (only != NULL && wb_uuid_compare(&id, only) != 0) {
		refuse_missing(request, "customer");
		return;
	}
	call = wb_db_call_new(arg, request, &work);
	state = call->state;
	*state = id;
	wb_db_call_start(call);
}
