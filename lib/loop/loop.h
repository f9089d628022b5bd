/* The process's one event loop (libevent with precise timers): timers, signals
 * and work put off to the end of the turn. No threads. */
#ifndef WB_LOOP_LOOP_H
#define WB_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct event_base;
struct wb_loop;

typedef void (*wb_loop_fn)(void *arg);

/* Runs what is still deferred, so that what was closed is freed; then the
 * loop's signals end. Timers must have been given back before. NULL is fine. */
void wb_loop_free(struct wb_loop *loop);

/* SIGPIPE is ignored from here on. Aborts without memory or descriptors. */
struct wb_loop *wb_loop_new(void) WB_OWNED_BY(wb_loop_free);

/* Runs until wb_loop_stop, or until nothing is left to wait for (a watched
 * signal is something to wait for). Stop ends the loop after the callback that
 * it is called from; called before run, it makes that return at once. To run a
 * loop from within its own callback is a bug (asserted). */
void wb_loop_run(struct wb_loop *loop);
void wb_loop_stop(struct wb_loop *loop);

/* For the rooms that touch libevent themselves (pg, amqp, http). */
struct event_base *wb_loop_base(struct wb_loop *loop);

/* Calls fn(arg) once after the current callbacks have returned: how an object
 * is freed that may be in its own callback, and how a result is handed on one
 * step late. Deferred calls run in order. */
void wb_loop_defer(struct wb_loop *loop, wb_loop_fn fn, void *arg);

/* Forgets deferred calls with this arg (its owner is going away). */
void wb_loop_undefer(struct wb_loop *loop, void *arg);

/* fn runs at each arrival of the signal, in the loop. */
void wb_loop_on_signal(struct wb_loop *loop, int signum, wb_loop_fn fn,
                       void *arg);

/* A one-shot timer, re-armed by whoever wants it again. Embedded in its owner;
 * init once, fini before the owner is freed. */
struct wb_timer {
	void *event; /* struct event */
	wb_loop_fn fn;
	void *arg;
};

void wb_timer_init(struct wb_timer *timer, struct wb_loop *loop, wb_loop_fn fn,
                   void *arg);
void wb_timer_fini(struct wb_timer *timer);

/* Runs fn once after delay (replacing an earlier start). 0 = next turn. */
void wb_timer_start_ms(struct wb_timer *timer, int64_t delay_ms);
void wb_timer_start_us(struct wb_timer *timer, int64_t delay_us);
void wb_timer_stop(struct wb_timer *timer);
bool wb_timer_is_pending(const struct wb_timer *timer);

/* Waits for a descriptor to be readable (or at its end): a terminal, a pipe or
 * a socket, not a file. Embedded, as a timer is; fini before the descriptor is
 * closed. */
struct wb_input {
	void *event; /* struct event */
	wb_loop_fn fn;
	void *arg;
};

void wb_input_init(struct wb_input *input, struct wb_loop *loop, int fd,
                   wb_loop_fn fn, void *arg);
void wb_input_fini(struct wb_input *input);

/* Runs fn once, when there is something to read. */
void wb_input_wait(struct wb_input *input);

#endif
