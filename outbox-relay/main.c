/* outbox-relay: publishes the rows of outbox tables to RabbitMQ, for any number
 * of databases. The only process that publishes. */
#include <string.h>

#include "install.h"
#include "service/service.h"
#include "source.h"

static struct install_params install_params;
static struct relay_params relay_params;
static struct wb_pg_params pg_params;
static struct wb_amqp_params amqp_params;

static struct source_list names;
static struct source *sources[SOURCES_MAX];
static size_t n_sources, n_drained;
static wb_service_drained_fn all_drained;

static enum wb_err
start(struct wb_loop *loop, struct wb_note *note)
{
	struct source_config config = {
		.loop = loop,
		.params = &relay_params,
		.pg_params = &pg_params,
		.amqp_params = &amqp_params,
	};
	enum wb_err err = relay_params_check(&relay_params, note);

	if (err == WB_OK)
		err = wb_amqp_params_check(&amqp_params, note);
	if (err == WB_OK)
		err = source_list_parse(relay_params.sources, note, &names);
	if (err != WB_OK)
		return err;
	for (size_t i = 0; i < names.n; i++) {
		config.name = &names.items[i];
		sources[n_sources++] = source_new(&config);
	}
	return WB_OK;
}

static bool
instead(int *ret_status)
{
	return install_run(&install_params, ret_status);
}

static void
on_source_drained(void *arg)
{
	(void)arg;
	n_drained++;
	if (n_drained == n_sources)
		all_drained();
}

static void
drain(wb_service_drained_fn drained)
{
	all_drained = drained;
	for (size_t i = 0; i < n_sources; i++)
		source_drain(sources[i], on_source_drained, NULL);
}

static void
stop(void)
{
	for (size_t i = 0; i < n_sources; i++)
		source_free(sources[i]);
	n_sources = 0;
	source_list_fini(&names);
}

int
main(int argc, char **argv)
{
	/* Without the first row, "dsn": the relay has one per source. */
	const struct wb_param_set params[] = {
		{ relay_params_table, relay_params_count, &relay_params },
		{ install_params_table, install_params_count, &install_params },
		{ wb_pg_params_table + 1, wb_pg_params_count - 1, &pg_params },
		{ wb_amqp_params_table, wb_amqp_params_count, &amqp_params },
	};
	const struct wb_service service = {
		.name = "outbox-relay",
		.usage = "publishes the rows of outbox tables to RabbitMQ",
		.params = params,
		.n_params = WB_ARRAY_LEN(params),
		.instead = instead,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	WB_ASSERT(strcmp(wb_pg_params_table[0].name, "dsn") == 0);
	return wb_service_main(&service, argc, argv);
}
