/* For tests of the consumer engine: a database with the messaging schema and a
 * table of effects, a queue, a publisher, and three handlers (order.placed and
 * customer.registered with one statement, stock.received with its own) whose
 * messages say themselves what shall happen to them. */
#ifndef WB_TESTS_CONSUMER_FIXTURE_H
#define WB_TESTS_CONSUMER_FIXTURE_H

#include <sys/types.h>

#include "amqp/amqp.h"
#include "event/types.h"
#include "saga/consumer.h"
#include "support/cut_proxy.h"
#include "support/pg_fixture.h"

#define WB_TEST_QUEUE "wbtest.consumer"

struct wb_test_saga {
	struct wb_loop *loop;
	struct wb_test_conn db; /* the test's own connection */
	struct wb_amqp *amqp;
	struct wb_amqp_params amqp_params;
	struct wb_amqp_channel *channel; /* in confirm mode */
	size_t n_replies, n_confirmed, n_published, n_drained;
	uint32_t n_messages; /* of the last inspected queue */
	size_t n_held;       /* deliveries taken by wb_test_redeliver */

	/* The engine under test, or NULL. */
	struct wb_consumer *consumer;
	struct wb_consumer_config config;
	struct wb_consumer_params params;
	struct wb_pg_params pg_params;
	struct wb_amqp_params engine_amqp_params;
	/* On its way to the servers, or NULL. */
	struct wb_cut_proxy *pg_proxy, *amqp_proxy;
	char *proxy_dsn, *proxy_brokers;
};

/* An event to be published. mode says what its handler does:
 *   ok        records an effect
 *   emit      records an effect and emits stock.reserved
 *   wait      NOT_YET until the table `arrived` has a row, then as ok
 *   refuse    STATE_CONFLICT
 *   fail      raises an exception
 *   conflict  raises 40P01 the first two times, then as ok
 *   terminate ends its own server process the first time, then as ok
 *   late      ends its own server process at the first commit, then as ok
 *   deadly    ends its own server process, always
 *   stuck     never ends in time
 *   slow      sleeps 700 ms, then as ok
 *   crash     kills the consumer's process, always
 *   NULL      data without a mode: a schema violation */
struct wb_test_event {
	const struct wb_event_type *type;
	struct wb_uuid id; /* nil = a new one */
	const char *subject;
	const char *mode;
	int64_t n;
	const struct wb_amqp_header *headers;
	size_t n_headers;
};

/* Leaves with 77 when the servers' variables are not set. */
void wb_test_saga_open(struct wb_test_saga *saga);
void wb_test_saga_close(struct wb_test_saga *saga);

/* Empty tables, an empty queue, default parameters, no consumer. */
void wb_test_saga_reset(struct wb_test_saga *saga);

void wb_test_consumer_start(struct wb_test_saga *saga);
void wb_test_consumer_drain(struct wb_test_saga *saga);

/* Before the start: the engine's connections go through a proxy. */
void wb_test_proxy_pg(struct wb_test_saga *saga);
void wb_test_proxy_amqp(struct wb_test_saga *saga);

/* Returns the id. */
struct wb_uuid wb_test_publish(struct wb_test_saga *saga,
                               const struct wb_test_event *event);
/* message_id may be "". */
void wb_test_publish_body(struct wb_test_saga *saga, const char *message_id,
                          const void *body, size_t bytes);
/* Until all that was published has been confirmed. */
void wb_test_confirmed(struct wb_test_saga *saga);

void wb_test_queue_declare(struct wb_test_saga *saga);
void wb_test_queue_delete(struct wb_test_saga *saga);
uint32_t wb_test_queue_messages(struct wb_test_saga *saga);

/* Takes n messages from the queue and returns them, so that the broker marks
 * them as redelivered. */
void wb_test_redeliver(struct wb_test_saga *saga, size_t n);

/* Runs the loop until the query gives the text; fails the test, showing both,
 * when it does not in time. */
void wb_test_expect(struct wb_test_saga *saga, const char *sql,
                    const char *text);
void wb_test_expect_queue(struct wb_test_saga *saga, uint32_t n_messages);

/* ---- the consumer as a process of its own ---- */

/* This program, started again with these variables ("NAME=value", may be
 * NULL); main must call wb_test_child_main when it is asked to. */
pid_t wb_test_child_start(const char *crash_at);
bool wb_test_is_child(int argc, char **argv);
int wb_test_child_main(void);

/* Runs the loop until the child has ended; its wait status. */
int wb_test_child_wait(struct wb_test_saga *saga, pid_t pid);

#endif
