/* provider-sim: a payment provider for development and tests. It really listens
 * on a port, really is slow or gone when asked to be, and counts what it
 * charged per idempotency key, so that tests can prove that nobody was charged
 * twice. */
#include "api.h"
#include "ledger.h"

#include "service/service.h"

static struct wb_http_params http_params;
static struct sim_params {
	struct api_params api;
	char *ledger;
} params;

static const struct wb_param param_table[] = {
	{ "slow-ms", WB_PARAM_INT, offsetof(struct sim_params, api.slow_ms),
	  "2000", 0, 600000, "ms",
	  "how long pm_slow and the mode \"slow\" take" },
	{ "flaky-calls", WB_PARAM_INT,
	  offsetof(struct sim_params, api.flaky_calls), "2", 0, 1000, "calls",
	  "how many calls of a pm_flaky charge fail" },
	{ "ledger", WB_PARAM_TEXT, offsetof(struct sim_params, ledger), "", 0,
	  4096, "", "file that keeps what was charged; empty: memory only" },
};

static struct wb_http_server *server;

static enum wb_err
start(struct wb_loop *loop, struct wb_note *note)
{
	enum wb_err err = ledger_open(params.ledger, note);

	if (err != WB_OK)
		return err;
	api_init(loop, &params.api);
	server = wb_http_server_new(loop, &http_params, api_routes, NULL, note);
	return server == NULL ? WB_ERR_IO : WB_OK;
}

static void
on_drained(void *arg)
{
	wb_service_drained_fn *drained = arg;

	(*drained)();
}

static void
drain(wb_service_drained_fn drained)
{
	static wb_service_drained_fn kept;

	kept = drained;
	wb_http_server_drain(server, on_drained, &kept);
}

static void
stop(void)
{
	wb_http_server_free(server);
	ledger_close();
	api_fini();
}

int
main(int argc, char **argv)
{
	struct wb_param_set sets[] = {
		{ wb_http_params_table, wb_http_params_count, &http_params },
		{ param_table, WB_ARRAY_LEN(param_table), &params },
	};
	const struct wb_service service = {
		.name = "provider-sim",
		.usage = "A payment provider for development and tests.",
		.params = sets,
		.n_params = WB_ARRAY_LEN(sets),
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	return wb_service_main(&service, argc, argv);
}
