/* The statics are the process's own, for a service's calls have no argument. */
#include "producer.h"

#include "auth/auth.h"
#include "service/idempotency.h"
#include "service/service.h"

/* Sets of parameters: pg, pool, http, auth, idempotency. */
enum { OWN_SETS = 5 };

static const struct producer_extra no_extra;

static struct {
	struct wb_pg_params pg;
	struct wb_pg_pool_params pool;
	struct wb_http_params http;
	struct wb_auth_params auth;
} params;

static struct {
	const struct producer *producer;
	const struct producer_extra *extra;
	struct wb_auth *auth; /* NULL = open */
	struct wb_db *db;
	struct wb_http_server *server;
	wb_service_drained_fn drained;
} process;

static enum wb_err
start(struct wb_loop *loop, struct wb_note *note)
{
	enum wb_err err = wb_http_listen_check(params.http.listen, note);

	if (err == WB_OK)
		err = wb_auth_open(loop, &params.auth, params.http.listen,
		                   &process.auth, note);
	if (err != WB_OK)
		return err;
	process.db =
	    wb_db_new(loop, &params.pg, &params.pool, wb_service_instance());
	wb_idem_start(loop, process.db);
	if (process.extra->start != NULL)
		process.extra->start(loop, &params.pg, process.db);
	process.server = wb_http_server_new(
	    loop, &params.http, process.producer->routes, process.db, note);
	if (process.server == NULL)
		return WB_ERR_IO;
	wb_http_server_protect(process.server, process.auth);
	return WB_OK;
}

static void
on_extra_drained(void *arg)
{
	(void)arg;
	process.drained();
}

static void
on_server_drained(void *arg)
{
	if (process.extra->drain != NULL)
		process.extra->drain(on_extra_drained, arg);
	else
		process.drained();
}

static void
drain(wb_service_drained_fn drained)
{
	process.drained = drained;
	if (process.extra->hurry != NULL)
		process.extra->hurry();
	wb_http_server_drain(process.server, on_server_drained, NULL);
}

/* The server first: its requests take their calls along. */
static void
stop(void)
{
	wb_http_server_free(process.server);
	if (process.extra->stop != NULL)
		process.extra->stop();
	wb_idem_stop();
	wb_db_free(process.db);
	wb_auth_free(process.auth);
}

int
producer_main(const struct producer *producer, int argc, char **argv)
{
	const struct producer_extra *extra =
	    producer->extra != NULL ? producer->extra : &no_extra;
	struct wb_param_set sets[OWN_SETS + PRODUCER_EXTRA_SETS] = {
		{ wb_pg_params_table, wb_pg_params_count, &params.pg },
		{ wb_pg_pool_params_table, wb_pg_pool_params_count,
		  &params.pool },
		{ wb_http_params_table, wb_http_params_count, &params.http },
		{ wb_auth_params_table, wb_auth_params_count, &params.auth },
		{ wb_idem_params_table, wb_idem_params_count, &wb_idem_params },
	};
	struct wb_service service = {
		.name = producer->name,
		.usage = producer->usage,
		.params = sets,
		.n_params = OWN_SETS,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	WB_ASSERT(extra->n_params <= PRODUCER_EXTRA_SETS);
	for (size_t i = 0; i < extra->n_params; i++)
		sets[service.n_params++] = extra->params[i];
	process.producer = producer;
	process.extra = extra;
	return wb_service_main(&service, argc, argv);
}
