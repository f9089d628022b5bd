#include "loop/loop.h"

#include "base/log.h"
#include "base/mem.h"

#include <event2/event.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_MAGIC  0x4C4F4F50u
#define WATCH_MAGIC 0x5349474Eu

struct deferred {
	wb_loop_fn fn; /* NULL: forgotten */
	void *arg;
};

struct watch {
	unsigned magic;
	struct watch *next;
	struct event *event;
	wb_loop_fn fn;
	void *arg;
};

/* Lives as long as the process; owns its base, its signal watches and the
 * queue of deferred calls. */
struct wb_loop {
	unsigned magic;
	struct event_base *base;
	struct event *defer_event; /* pending while something is deferred */
	struct deferred *deferred;
	size_t n_deferred, cap_deferred;
	struct watch *watches;
	bool is_stopping;
};

/* libevent fails to make or arm an event only for want of memory, and to make
 * a base for want of descriptors. */
static void
check(bool is_done, const char *what)
{
	if (is_done)
		return;
	wb_log_error(WB_LOG_ASSERT, "failed=\"%s\" why=\"%s\"", what,
	             strerror(errno));
	abort();
}

/* Runs what is in the queue now; what these calls defer waits for the next
 * turn, so that sockets get theirs in between. */
static void
run_deferred(struct wb_loop *loop)
{
	size_t i, n = loop->n_deferred;

	for (i = 0; i < n; i++) {
		/* A copy: the call may defer, which moves the array. */
		struct deferred call = loop->deferred[i];

		loop->deferred[i].fn = NULL;
		if (call.fn != NULL)
			call.fn(call.arg);
	}
	loop->n_deferred -= n;
	if (loop->n_deferred > 0)
		memmove(loop->deferred, loop->deferred + n,
		        loop->n_deferred * sizeof(*loop->deferred));
}

/* A timer of zero and not event_active(), which would run in this turn still
 * and let calls that defer again starve the sockets. */
static void
arm_deferred(struct wb_loop *loop)
{
	check(event_add(loop->defer_event, &(struct timeval){ 0, 0 }) == 0,
	      "event_add");
}

static void
on_deferred(evutil_socket_t fd, short what, void *arg)
{
	struct wb_loop *loop;

	(void)fd;
	(void)what;
	WB_CAST(loop, arg, LOOP_MAGIC);
	run_deferred(loop);
	if (loop->n_deferred > 0)
		arm_deferred(loop);
}

/* A peer that is gone is an error of the write, not the end of the process. */
static void
ignore_sigpipe(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigemptyset(&ignore.sa_mask);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

struct wb_loop *
wb_loop_new(void)
{
	struct wb_loop *loop = wb_zalloc(sizeof(*loop));
	struct event_config *config = event_config_new();

	ignore_sigpipe();
	check(config != NULL, "event_config_new");
	/* Waits of 1 ms need precise timers; without cached time a timer that
	 * is started late in a long turn does not run early. */
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	/* What is watched is told to the kernel once per turn, not at each
	 * change. Not safe for copies of a descriptor: nobody makes one. */
	(void)event_config_set_flag(config,
	                            EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	loop->magic = LOOP_MAGIC;
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	check(loop->base != NULL, "event_base_new");
	loop->defer_event = event_new(loop->base, -1, 0, on_deferred, loop);
	check(loop->defer_event != NULL, "event_new");
	return loop;
}

void
wb_loop_free(struct wb_loop *loop)
{
	if (loop == NULL)
		return;
	while (loop->n_deferred > 0)
		run_deferred(loop);
	while (loop->watches != NULL) {
		struct watch *next = loop->watches->next;

		event_free(loop->watches->event);
		free(loop->watches);
		loop->watches = next;
	}
	event_free(loop->defer_event);
	event_base_free(loop->base);
	free(loop->deferred);
	loop->magic = 0;
	free(loop);
}

void
wb_loop_run(struct wb_loop *loop)
{
	/* Below 0: it runs already, and a caller that tries again would
	 * spin. */
	if (!loop->is_stopping)
		WB_ASSERT(event_base_dispatch(loop->base) >= 0);
	loop->is_stopping = false;
}

void
wb_loop_stop(struct wb_loop *loop)
{
	loop->is_stopping = true;
	(void)event_base_loopbreak(loop->base);
}

struct event_base *
wb_loop_base(struct wb_loop *loop)
{
	return loop->base;
}

void
wb_loop_defer(struct wb_loop *loop, wb_loop_fn fn, void *arg)
{
	if (loop->n_deferred == loop->cap_deferred) {
		loop->cap_deferred = loop->cap_deferred * 2 + 16;
		loop->deferred =
		    wb_realloc(loop->deferred,
		               loop->cap_deferred * sizeof(*loop->deferred));
	}
	loop->deferred[loop->n_deferred++] =
	    (struct deferred){ .fn = fn, .arg = arg };
	if (!evtimer_pending(loop->defer_event, NULL))
		arm_deferred(loop);
}

void
wb_loop_undefer(struct wb_loop *loop, void *arg)
{
	size_t i;

	for (i = 0; i < loop->n_deferred; i++) {
		if (loop->deferred[i].arg == arg)
			loop->deferred[i].fn = NULL;
	}
}

static void
on_signal(evutil_socket_t signum, short what, void *arg)
{
	struct watch *watch;

	(void)signum;
	(void)what;
	WB_CAST(watch, arg, WATCH_MAGIC);
	watch->fn(watch->arg);
}

void
wb_loop_on_signal(struct wb_loop *loop, int signum, wb_loop_fn fn, void *arg)
{
	struct watch *watch = wb_zalloc(sizeof(*watch));

	watch->magic = WATCH_MAGIC;
	watch->fn = fn;
	watch->arg = arg;
	watch->event = evsignal_new(loop->base, signum, on_signal, watch);
	check(watch->event != NULL, "event_new");
	watch->next = loop->watches;
	loop->watches = watch;
	check(evsignal_add(watch->event, NULL) == 0, "event_add");
}

/* Touches nothing after the call: the owner may be gone. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wb_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg);
}

void
wb_timer_init(struct wb_timer *timer, struct wb_loop *loop, wb_loop_fn fn,
              void *arg)
{
	timer->fn = fn;
	timer->arg = arg;
	timer->event = evtimer_new(loop->base, on_timer, timer);
	check(timer->event != NULL, "event_new");
}

void
wb_timer_fini(struct wb_timer *timer)
{
	if (timer->event != NULL)
		event_free(timer->event);
	timer->event = NULL;
}

void
wb_timer_start_us(struct wb_timer *timer, int64_t delay_us)
{
	struct timeval delay = { 0, 0 };

	if (delay_us > 0) {
		delay.tv_sec = (time_t)(delay_us / 1000000);
		delay.tv_usec = (suseconds_t)(delay_us % 1000000);
	}
	check(evtimer_add((struct event *)timer->event, &delay) == 0,
	      "event_add");
}

void
wb_timer_start_ms(struct wb_timer *timer, int64_t delay_ms)
{
	if (delay_ms < 0)
		delay_ms = 0;
	if (delay_ms > INT64_MAX / 1000)
		delay_ms = INT64_MAX / 1000;
	wb_timer_start_us(timer, delay_ms * 1000);
}

void
wb_timer_stop(struct wb_timer *timer)
{
	if (timer->event != NULL)
		(void)evtimer_del((struct event *)timer->event);
}

bool
wb_timer_is_pending(const struct wb_timer *timer)
{
	return timer->event != NULL &&
	       evtimer_pending((const struct event *)timer->event, NULL);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct wb_input *input = arg;

	(void)fd;
	(void)what;
	input->fn(input->arg);
}

void
wb_input_init(struct wb_input *input, struct wb_loop *loop, int fd,
              wb_loop_fn fn, void *arg)
{
	input->fn = fn;
	input->arg = arg;
	input->event = event_new(loop->base, fd, EV_READ, on_input, input);
	check(input->event != NULL, "event_new");
}

void
wb_input_fini(struct wb_input *input)
{
	if (input->event != NULL)
		event_free(input->event);
	input->event = NULL;
}

void
wb_input_wait(struct wb_input *input)
{
	check(event_add((struct event *)input->event, NULL) == 0, "event_add");
}
