/* What `waybill topology` does; topology.c is its front. All of these run the
 * loop until they are done and give BROKER_…, HTTP_FAILED, TIMEOUT or IO with a
 * note. */
#ifndef WB_CLI_TOPOLOGY_RUN_H
#define WB_CLI_TOPOLOGY_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"
#include "management.h"

/* Logs in and leaves: the major version of the broker. wait_ms: how long a
 * broker that can't be reached (yet) is tried again. */
enum wb_err wb_topology_ask_version(struct wb_loop *loop,
                                    const struct wb_amqp_params *params,
                                    int64_t wait_ms, unsigned *ret_major,
                                    struct wb_note *note);

/* Declares everything. BROKER_REFUSED: something exists and is different. */
enum wb_err wb_topology_declare(struct wb_loop *loop,
                                const struct wb_amqp_params *params,
                                int64_t wait_ms, struct wb_note *note);

/* Makes or changes the broker users: password from <secrets_dir>/<user>, rights
 * in vhost. */
enum wb_err wb_topology_make_users(struct wb_management *management,
                                   const char *vhost, const char *secrets_dir,
                                   struct wb_note *note);

/* Tells each difference in a line of its own. */
enum wb_err wb_topology_compare(struct wb_management *management,
                                const char *vhost,
                                void (*tell)(void *arg, const char *difference),
                                void *arg, struct wb_note *note);

/* RabbitMQ definitions (load_definitions, rabbitmqctl import_definitions). */
void wb_topology_print_definitions(struct wb_buf *out, const char *vhost,
                                   unsigned rabbitmq_major);

#endif
