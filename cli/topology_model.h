/* The topology as arrays to walk over: that of topology_table.h, or one that a
 * file gives. */
#ifndef WB_CLI_TOPOLOGY_MODEL_H
#define WB_CLI_TOPOLOGY_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "amqp/amqp.h"
#include "event/types.h"

struct wb_topology_queue {
	const char *name;
	const struct wb_amqp_header *arguments;
	size_t n_arguments;
};

struct wb_topology_binding {
	const char *queue;
	const struct wb_event_type *event;
};

struct wb_topology_user {
	const char *name;
	/* regular expressions over names of exchanges and queues; RabbitMQ
	 * calls the default exchange amq.default here */
	const char *configure, *write, *read;
};

extern const struct wb_topology_binding *wb_topology_bindings;
extern size_t wb_topology_n_bindings;

/* Consumers and what they get, instead of the shop's: before anything else is
 * asked for. All of it must last. */
void wb_topology_use(const char *const *names, size_t n_names,
                     const struct wb_topology_binding *bindings,
                     size_t n_bindings);

/* The same from a file: a line per consumer with its name and the types of the
 * events that it gets, separated by blanks; # begins a comment. BAD_CONFIG or
 * IO with a note. */
enum wb_err wb_topology_load(const char *path, struct wb_note *note);

/* One per consumer, and the relay. i < wb_topology_n_users(). */
size_t wb_topology_n_users(void);
const struct wb_topology_user *wb_topology_user(size_t i);

/* Queues and dead-letter queues, in turn. */
size_t wb_topology_n_queues(void);

/* rabbitmq_major: decides how "no delivery limit" is written for a dead-letter
 * queue. i < wb_topology_n_queues(). */
struct wb_topology_queue wb_topology_queue(size_t i, unsigned rabbitmq_major);

/* Is it the name of one of these queues? */
bool wb_topology_has_queue(const char *name);

#endif
