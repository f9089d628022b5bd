#include "api.h"

#include "routes.h"

#include "auth/auth.h"
#include "service/db_call.h"
#include "service/service.h"

static struct wb_pg_pool_params pool_params;
static struct wb_http_params http_params;
static struct wb_auth_params auth_params;

static struct {
	struct wb_auth *auth; /* NULL = open */
	struct wb_db *db;
	struct wb_http_server *server;
} api;

static const struct wb_http_route routes[] = {
	{ .method = "GET",
	  .path = "/orders/totals",
	  .handle = get_totals,
	  .roles = WB_ROLE_OPERATOR },
	{ .method = "GET",
	  .path = "/orders/{id}/timeline",
	  .handle = get_timeline,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = "GET",
	  .path = "/customers/{id}/orders",
	  .handle = list_customer_orders,
	  .roles = WB_FOR_CUSTOMERS },
	{ .method = NULL },
};

static enum wb_err
start(struct wb_loop *loop, const struct wb_pg_params *pg, struct wb_note *note)
{
	enum wb_err err = wb_http_listen_check(http_params.listen, note);

	if (err != WB_OK)
		return err;
	err = wb_auth_open(loop, &auth_params, http_params.listen, &api.auth,
	                   note);
	if (err != WB_OK)
		return err;
	api.db = wb_db_new(loop, pg, &pool_params, wb_service_instance());
	api.server =
	    wb_http_server_new(loop, &http_params, routes, api.db, note);
	if (api.server == NULL)
		return WB_ERR_IO;
	wb_http_server_protect(api.server, api.auth);
	return WB_OK;
}

static void
drain(wb_loop_fn done, void *arg)
{
	wb_http_server_drain(api.server, done, arg);
}

/* The server first: its requests take their calls along. */
static void
stop(void)
{
	wb_http_server_free(api.server);
	wb_db_free(api.db);
	wb_auth_free(api.auth);
}

const struct wb_side_job *
history_api(void)
{
	static struct wb_param_set sets[3];
	static const struct wb_side_job job = {
		.params = sets,
		.n_params = WB_ARRAY_LEN(sets),
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	sets[0] =
	    (struct wb_param_set){ wb_pg_pool_params_table,
		                   wb_pg_pool_params_count, &pool_params };
	sets[1] = (struct wb_param_set){ wb_http_params_table,
		                         wb_http_params_count, &http_params };
	sets[2] = (struct wb_param_set){ wb_auth_params_table,
		                         wb_auth_params_count, &auth_params };
	return &job;
}
