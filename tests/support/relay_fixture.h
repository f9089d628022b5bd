/* For tests of the outbox relay: a database with the messaging schema, a vhost
 * with an exchange and queues, relays as child processes, writers that commit
 * events concurrently, and a consumer that records every event of every
 * aggregate in the order in which they are delivered. */
#ifndef WB_TESTS_RELAY_FIXTURE_H
#define WB_TESTS_RELAY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "amqp/amqp.h"
#include "base/uuid.h"
#include "support/pg_fixture.h"

enum {
	WB_TEST_AGGREGATES = 500,
	WB_TEST_HOT_AGGREGATES = 40, /* of wb_test_write_on */
	WB_TEST_WRITERS = 4,
	WB_TEST_RELAYS = 4,
	/* Longest wait for anything, anew whenever something of it arrives. */
	WB_TEST_RELAY_WAIT_MS = 60000,
};

/* What the queue "events" is bound with. */
#define WB_TEST_TYPE "test.happened.v1"

/* What the outbox says. */
#define WB_TEST_PUBLISHED_SQL                                                  \
	"SELECT (SELECT count(*) FROM outbox_events) - "                       \
	"(SELECT count(*) FROM outbox_unpublished)"
#define WB_TEST_PENDING_SQL "SELECT count(*) FROM outbox_unpublished"
#define WB_TEST_PARKED_SQL(what)                                               \
	"SELECT " what " FROM outbox_unpublished WHERE parked_at IS NOT NULL"

struct wb_test_relay {
	pid_t pid; /* 0: not running */
	uint16_t port;
};

/* A connection that commits transactions one after the other. */
struct wb_test_writer {
	struct wb_test_conn conn;
	struct wb_test_bus *bus;
	struct wb_timer pause;
	size_t n_left;       /* transactions */
	size_t n_aggregates; /* of each */
	size_t n_spread;     /* of all of them */
	bool is_busy;
};

/* What was delivered of one aggregate. */
struct wb_test_history {
	struct wb_uuid *ids; /* by sequence - 1; nil: not delivered yet */
	size_t n, cap;
};

struct wb_test_bus {
	struct wb_loop *loop;
	char name[64];   /* of the database and the vhost */
	char source[16]; /* how the relay calls the database */
	char *dsn, *brokers;
	const char *relay_dsn;     /* the way to it for the relays; NULL: dsn */
	struct wb_test_bus *first; /* whose vhost it is; or itself */
	struct wb_test_bus *beside; /* the next database, or NULL */
	struct wb_test_conn db;
	struct wb_test_writer writers[WB_TEST_WRITERS];
	int64_t pause_ms;   /* of a writer between transactions */
	size_t n_committed; /* transactions of writers */
	struct wb_test_relay relays[WB_TEST_RELAYS];

	struct wb_amqp_params amqp_params;
	struct wb_amqp *amqp;
	struct wb_amqp_channel *channel;
	struct wb_timer again; /* opens the channel again */
	size_t n_ready;
	bool may_lose_broker;
	bool is_holding; /* acks nothing */
	uint64_t last_tag;

	/* Deliveries to the queue "events". */
	size_t n_received, n_new, n_duplicate;
	size_t n_out_of_order; /* delivered first although an earlier event of
	                          its aggregate had not been */
	size_t n_changed;      /* delivered again with another id */
	int64_t next[WB_TEST_AGGREGATES]; /* first one missing, from 1 */
	struct wb_test_history history[WB_TEST_AGGREGATES];
	/* The last delivery to any consumed queue. */
	char last_queue[64], last_id[64], last_type[64], last_header[64];
	int64_t last_number; /* of the header "attempt" */
	char ids[64];        /* first characters of message ids, in order */
	char wrong[256];     /* of the first bus: what went wrong in a callback,
	                        where cmocka's jump out of the loop must not be
	                        taken */
};

/* Leaves with 77 when the servers' variables are not set. name: of the test;
 * its database and vhost are called waybill_<name>_<pid>. */
void wb_test_bus_open(struct wb_test_bus *bus, const char *name);
/* Another database beside that of `first`, for the same relays, with writers
 * and a record of its own; its events come by the vhost of `first`. Closed with
 * `first`, whose other functions see to both where it says so. */
void wb_test_bus_open_beside(struct wb_test_bus *bus, struct wb_test_bus *first,
                             const char *source);
/* All databases; they are dropped. */
void wb_test_bus_close(struct wb_test_bus *bus);

/* Empty tables and queues, no relay, no writer, nothing received; all
 * databases. */
void wb_test_bus_reset(struct wb_test_bus *bus);

/* A quorum queue, or (limit > 0) a classic one that takes so many messages and
 * refuses the rest; made anew. key: NULL or bound to the exchange with it. */
void wb_test_bus_queue(struct wb_test_bus *bus, const char *name,
                       const char *key, int limit);
void wb_test_bus_bind(struct wb_test_bus *bus, const char *queue,
                      const char *key);
void wb_test_bus_unbind(struct wb_test_bus *bus, const char *queue,
                        const char *key);
void wb_test_bus_exchange(struct wb_test_bus *bus);
void wb_test_bus_exchange_delete(struct wb_test_bus *bus);
/* The queue takes so many messages and refuses the rest; 0: all again. */
void wb_test_bus_limit(struct wb_test_bus *bus, const char *queue, int limit);
void wb_test_bus_purge(const struct wb_test_bus *bus, const char *queue);
/* Consumes and acks. */
void wb_test_bus_consume(struct wb_test_bus *bus, const char *queue);
/* Stops to ack, so that the queue fills up behind the prefetch; then acks all
 * at once and goes on. */
void wb_test_bus_hold(struct wb_test_bus *bus, bool is_holding);

/* ---- relays ---- */

/* Starts relay number `at` with more arguments, separated by spaces (or NULL),
 * to die at a crash point (or NULL) when it is passed. It serves all
 * databases. */
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
/* wb_relay_events_total of the bus's source. */
double wb_test_relay_events(const struct wb_test_bus *bus, size_t at,
                            const char *outcome);
/* Runs the loop until that is at least n, or fails. */
void wb_test_relay_until_events(struct wb_test_bus *bus, size_t at,
                                const char *outcome, double n);
/* Runs the loop until GET /ready says so (or says that it is not), or fails. */
void wb_test_relay_until_ready(struct wb_test_bus *bus, size_t at,
                               bool is_ready);
/* Runs the loop until the answer of GET /ready contains the text, or fails. */
void wb_test_relay_until_says(struct wb_test_bus *bus, size_t at,
                              const char *text);

/* ---- events ---- */

/* One event of aggregate "aN", committed. */
void wb_test_emit(struct wb_test_bus *bus, int aggregate, const char *type);

/* The writers commit n_transactions in all, each with one event of
 * n_aggregates of the aggregates. Returns at once. */
void wb_test_write(struct wb_test_bus *bus, size_t n_transactions,
                   size_t n_aggregates);
/* They go on, with fewer aggregates, until wb_test_write_end, which waits for
 * the last one. */
void wb_test_write_on(struct wb_test_bus *bus, size_t n_aggregates);
void wb_test_write_end(struct wb_test_bus *bus);

/* ---- waiting ---- */

/* Runs the loop until so many different events have come, or fails. */
void wb_test_bus_until_new(struct wb_test_bus *bus, size_t n);
void wb_test_bus_until_received(struct wb_test_bus *bus, size_t n);
/* Runs the loop until the writers have committed so many transactions. */
void wb_test_bus_until_committed(struct wb_test_bus *bus, size_t n);
/* Runs the loop until the query gives the text, or fails. */
void wb_test_bus_expect(struct wb_test_bus *bus, const char *sql,
                        const char *text);
void wb_test_bus_run_ms(struct wb_test_bus *bus, int64_t ms);

/* n events were committed; every one of them has come with its own id, none out
 * of order, none else, and all are published in the table. Waits for it. */
void wb_test_bus_check(struct wb_test_bus *bus, size_t n);
/* The same, for whatever number was committed, which it returns. */
size_t wb_test_bus_check_all(struct wb_test_bus *bus);

/* ---- for the fixture's own files ---- */

void wb_test_go_wrong(struct wb_test_bus *bus, const char *fmt, ...)
    WB_PRINTF(2, 3);
/* Connects the consumer. */
void wb_test_consumer_open(struct wb_test_bus *bus);
void wb_test_consumer_close(struct wb_test_bus *bus);
/* Forgets what was delivered. */
void wb_test_consumer_reset(struct wb_test_bus *bus);
bool wb_test_was_delivered(const struct wb_test_bus *bus, long aggregate,
                           int64_t sequence, const struct wb_uuid *id);
void wb_test_writers_open(struct wb_test_bus *bus);
void wb_test_writers_close(struct wb_test_bus *bus);
/* Whatever they are at. */
void wb_test_writers_reset(struct wb_test_bus *bus);

#endif
