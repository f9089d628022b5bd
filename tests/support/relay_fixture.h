/* For tests of the outbox relay: a database with the messaging schema, a vhost
 * with an exchange and queues, relays as child processes, writers that commit
 * events concurrently, and a consumer that checks the order in which events
 * are delivered for the first time. */
#ifndef WB_TESTS_RELAY_FIXTURE_H
#define WB_TESTS_RELAY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "amqp/amqp.h"
#include "support/pg_fixture.h"

enum {
	WB_TEST_AGGREGATES = 500,
	WB_TEST_WRITERS = 4,
	WB_TEST_RELAYS = 2,
	/* Longest wait for all of something to arrive. */
	WB_TEST_RELAY_WAIT_MS = 60000,
};

/* What the queue "events" is bound with. */
#define WB_TEST_TYPE "test.happened.v1"

struct wb_test_relay {
	pid_t pid; /* 0: not running */
	uint16_t port;
};

/* A connection that commits transactions one after the other. */
struct wb_test_writer {
	struct wb_test_conn conn;
	size_t n_left;       /* transactions */
	size_t n_aggregates; /* of each */
};

struct wb_test_bus {
	struct wb_loop *loop;
	char name[64]; /* of the database and the vhost */
	char *dsn, *brokers;
	struct wb_test_conn db;
	struct wb_test_writer writers[WB_TEST_WRITERS];
	struct wb_test_relay relays[WB_TEST_RELAYS];

	struct wb_amqp_params amqp_params;
	struct wb_amqp *amqp;
	struct wb_amqp_channel *channel;
	size_t n_ready;

	/* Deliveries to the queue "events". */
	size_t n_received, n_new, n_duplicate;
	size_t n_out_of_order; /* delivered first although an earlier event of
	                          its aggregate had not been */
	int64_t next[WB_TEST_AGGREGATES]; /* sequence expected, from 1 */
	/* The last delivery to any consumed queue. */
	char last_queue[64], last_id[64], last_type[64], last_header[64];
	int64_t last_number; /* of the header "attempt" */
	char ids[64];        /* first characters of message ids, in order */
	char wrong[256]; /* what went wrong in a callback, where cmocka's jump
	                    out of the loop must not be taken */
};

/* Leaves with 77 when the servers' variables are not set. name: of database and
 * vhost. */
void wb_test_bus_open(struct wb_test_bus *bus, const char *name);
void wb_test_bus_close(struct wb_test_bus *bus);

/* Empty tables and queues, no relay, nothing received. */
void wb_test_bus_reset(struct wb_test_bus *bus);

/* A quorum queue, or (limit > 0) a classic one that takes so many messages and
 * refuses the rest; made anew. key: NULL or bound to the exchange with it. */
void wb_test_bus_queue(struct wb_test_bus *bus, const char *name,
                       const char *key, int limit);
void wb_test_bus_bind(struct wb_test_bus *bus, const char *queue,
                      const char *key);
void wb_test_bus_purge(const struct wb_test_bus *bus, const char *queue);
/* Consumes and acks. */
void wb_test_bus_consume(struct wb_test_bus *bus, const char *queue);

/* ---- relays ---- */

/* Starts relay number `at` with more arguments, separated by spaces (or NULL),
 * to die at a crash point (or NULL) when it is passed. */
void wb_test_relay_start(struct wb_test_bus *bus, size_t at, const char *more,
                         const char *crash_at);
/* Sends the signal. */
void wb_test_relay_signal(struct wb_test_bus *bus, size_t at, int signum);
/* Runs the loop until it has ended; its wait status. */
int wb_test_relay_wait(struct wb_test_bus *bus, size_t at);
/* SIGTERM; asserts that it drains and leaves with 0. */
void wb_test_relay_stop(struct wb_test_bus *bus, size_t at);
/* SIGKILL for those that run. */
void wb_test_relays_kill(struct wb_test_bus *bus);
/* The value of a metric as /metrics prints it, with its labels; 0 if absent. */
double wb_test_relay_metric(const struct wb_test_bus *bus, size_t at,
                            const char *name);
/* Runs the loop until GET /ready says so (or says that it is not), or fails. */
void wb_test_relay_until_ready(struct wb_test_bus *bus, size_t at,
                               bool is_ready);

/* ---- events ---- */

/* One event of aggregate "aN", committed. */
void wb_test_emit(struct wb_test_bus *bus, int aggregate, const char *type);

/* The writers commit n_transactions in all, each with one event of
 * n_aggregates of the aggregates. Returns at once. */
void wb_test_write(struct wb_test_bus *bus, size_t n_transactions,
                   size_t n_aggregates);

/* ---- waiting ---- */

/* Runs the loop until so many different events have come, or fails. */
void wb_test_bus_until_new(struct wb_test_bus *bus, size_t n);
void wb_test_bus_until_received(struct wb_test_bus *bus, size_t n);
/* Runs the loop until the query gives the text, or fails. */
void wb_test_bus_expect(struct wb_test_bus *bus, const char *sql,
                        const char *text);
void wb_test_bus_run_ms(struct wb_test_bus *bus, int64_t ms);

/* All events of the table have come, none out of order, none is pending. */
void wb_test_bus_check(struct wb_test_bus *bus, size_t n);

#endif
