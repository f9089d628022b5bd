/* A source's watch: one session that sleeps until rows come, or polls where a
 * commit can't wake it (see wake.h).
 *
 * A sleeping relay holds an advisory lock. The trigger on the outbox tables
 * sends a NOTIFY only when it finds that lock taken, since every NOTIFY
 * serialises the commits of the whole cluster. It is free of races only so:
 *   1. LISTEN has been committed;
 *   2. the lock is tried, never waited for;
 *   3. a later statement finds that nothing at all is unpublished, locked by
 *      another relay or not.
 * Whoever commits before 2 is seen by 3; whoever commits after it notifies. If
 * the lock is taken or something is left, the relay polls again soon. A frozen
 * sleeper loses the lock by its session's idle timeout. */
#ifndef RELAY_GATE_H
#define RELAY_GATE_H

#include "base/metrics.h"
#include "floor.h"
#include "horizon.h"
#include "params.h"
#include "pg/pg.h"
#include "wake.h"
#include "wake_test.h"

enum {
	GATE_MAX_POLL_MS = 50, /* while it may not sleep */
	GATE_TEST_AGAIN_MS = 60 * 1000,
};

/* OFF        no connection
 * BEGINNING  connected; asks where to begin
 * AWAKE      connected; nothing asked of the server
 * TESTING    tries whether it could be woken; polls meanwhile
 * LOCKING, CHECKING, UNLOCKING: that statement is under way
 * ASLEEP     the lock is held; waits for NOTIFY or the timer */
enum gate_state {
	GATE_OFF,
	GATE_BEGINNING,
	GATE_AWAKE,
	GATE_TESTING,
	GATE_LOCKING,
	GATE_CHECKING,
	GATE_ASLEEP,
	GATE_UNLOCKING,
};

struct gate_events {
	/* Look for rows now: most likely events, when the producer woke us;
	 * else of any kind. */
	void (*on_wake)(void *arg, bool by_producer);
	/* The session is up, or not (any more). From the first one on, the
	 * places to look at are known, and on_wake follows. */
	void (*on_session)(void *arg, bool is_up);
};

struct gate_config {
	struct wb_loop *loop;
	const struct relay_params *params;
	const struct wb_pg_params *pg_params;
	const char *application_name;
	const char *name;        /* of the source */
	struct horizon *horizon; /* of events */
	struct floor *deliveries;
	const struct gate_events *handlers;
	void *arg;
};

struct gate {
	unsigned magic;
	struct gate_config config;
	enum gate_state state;
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_timer timer; /* the sleep, or the wait until the next poll */
	struct wb_timer test_timer;
	struct wake wake;
	struct wake_test test;
	bool is_sleep_wanted, is_test_due, is_notified;
	bool is_draining;
	bool has_begun; /* it is known where to look, and may be looked at */
	struct wb_note why; /* the tables can't be read; "" while they can */
	unsigned misses;    /* polls in a row that found nothing to do */
	int64_t started_us;

	/* Of the statement under way. */
	bool answer;
	int64_t due_ms; /* -1: nothing */
	int64_t now_us;

	struct wb_counter *sleeps, *woken_by_notify, *woken_by_timer,
	    *woken_by_due;
	bool is_due_sleep; /* the sleep ends when something falls due */
};

void gate_init(struct gate *gate, const struct gate_config *config);
void gate_fini(struct gate *gate);

/* The relay has looked and found nothing: on_wake is called when it should look
 * again, at most max-sleep-ms from now. */
void gate_sleep(struct gate *gate);

/* The relay has found something. */
void gate_worked(struct gate *gate);

/* No sleep, no callback any more. */
void gate_drain(struct gate *gate);

/* Why it is not connected, or why the outbox tables can't be read; "" when
 * neither is so. */
const char *gate_trouble(const struct gate *gate);
bool gate_has_begun(const struct gate *gate);

#endif
