/* One database that the relay publishes for: two slots for events and one for
 * deliveries, a watch, and a broker connection of its own. */
#ifndef RELAY_SOURCE_H
#define RELAY_SOURCE_H

#include "amqp/amqp.h"
#include "loop/loop.h"
#include "params.h"
#include "pg/pg.h"
#include "source_list.h"

struct source;

struct source_config {
	struct wb_loop *loop;
	const struct source_name *name;
	const struct relay_params *params;
	const struct wb_pg_params *pg_params; /* its dsn is not used */
	const struct wb_amqp_params *amqp_params;
};

/* Drops everything at once, without callbacks. */
void source_free(struct source *source);

/* Connects to both servers and starts to publish. What config points to must
 * outlive it. Registers the health entries "postgres NAME" and
 * "rabbitmq NAME". */
struct source *source_new(const struct source_config *config)
    WB_OWNED_BY(source_free);

/* Finishes the batches in hand, closes the broker connection, then calls done
 * once. */
void source_drain(struct source *source, wb_loop_fn done, void *arg);

#endif
