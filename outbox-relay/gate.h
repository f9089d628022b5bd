/* A source's watch: one session that sleeps until rows come, and sweeps.
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
#include "params.h"
#include "pg/pg.h"

enum {
	GATE_MAX_POLL_MS = 50, /* while it may not sleep */
};

/* OFF        no connection
 * AWAKE      connected; nothing asked of the server
 * LOCKING, CHECKING, UNLOCKING, SWEEPING: that statement is under way
 * ASLEEP     the lock is held; waits for NOTIFY or the timer */
enum gate_state {
	GATE_OFF,
	GATE_AWAKE,
	GATE_LOCKING,
	GATE_CHECKING,
	GATE_ASLEEP,
	GATE_UNLOCKING,
	GATE_SWEEPING,
};

struct gate_events {
	/* Look for rows now. */
	void (*on_wake)(void *arg);
	/* The session is there, or gone. */
	void (*on_session)(void *arg, bool is_up);
};

struct gate_config {
	struct wb_loop *loop;
	const struct relay_params *params;
	const struct wb_pg_params *pg_params;
	const char *connect_sql;
	const char *application_name;
	const char *name; /* of the source */
	struct floor *events, *deliveries;
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
	struct wb_timer sweep_timer;
	bool is_sleep_wanted, is_sweep_due, is_notified;
	bool is_draining;
	unsigned misses; /* polls in a row that found nothing to do */
	int64_t started_us;

	/* Of the statement under way. */
	bool answer;
	int64_t due_ms; /* -1: nothing */

	struct wb_counter *sleeps, *woken_by_notify, *woken_by_timer,
	    *woken_by_due, *sweeps;
	struct wb_gauge *depth, *parked, *oldest;
	bool is_due_sleep; /* the sleep ends when something falls due */
};

void gate_init(struct gate *gate, const struct gate_config *config);
void gate_fini(struct gate *gate);

/* The relay has looked and found nothing: on_wake is called when it should look
 * again, at most max-sleep-ms from now. */
void gate_sleep(struct gate *gate);

/* The relay has found something. */
void gate_worked(struct gate *gate);

/* Sweep as soon as possible: a row must be below the floor. */
void gate_sweep(struct gate *gate);

/* No sleep, no sweep, no callback any more. */
void gate_drain(struct gate *gate);

bool gate_is_up(const struct gate *gate);

#endif
