/* A circuit breaker: once so many per cent of the last first calls have failed
 * no call is made for open_ms (OPEN); then one probe at a time (HALF_OPEN), of
 * which so many must succeed to close it, while the first failure opens it
 * again. A call that is repeated counts as a probe only: what fails again and
 * again says more of one payment than of the provider. */
#ifndef WB_PAYMENTS_BREAKER_H
#define WB_PAYMENTS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"

#define BREAKER_TABLE(X) X(CLOSED) X(OPEN) X(HALF_OPEN)

enum breaker_state {
#define X(name) BREAKER_##name,
	BREAKER_TABLE(X) BREAKER_STATES
#undef X
};

#define BREAKER_MOST_CALLS 1000

struct breaker_params {
	int64_t calls; /* first ones that are looked at: the last so many */
	int64_t failure_percent;
	int64_t open_ms;
	int64_t probes;
};

struct breaker {
	const struct breaker_params *params;
	enum breaker_state state;
	unsigned era; /* counts moves: a call ends in the one it began in, or
	                 says nothing about the state */
	int64_t opened_us; /* monotonic */
	/* CLOSED: a ring of how the last calls ended. */
	bool has_failed[BREAKER_MOST_CALLS];
	int64_t at, n_calls, n_failures;
	/* HALF_OPEN */
	bool is_probing; /* a probe is under way */
	int64_t n_passed;
	struct wb_gauge *gauge;
	struct wb_counter *moves[BREAKER_STATES];
};

/* params must outlive it. Registers wb_provider_breaker_state and
 * wb_provider_breaker_moves_total{to}. */
void breaker_init(struct breaker *breaker, const struct breaker_params *params);

/* How many calls may be begun now, of `want`. OPEN moves to HALF_OPEN here once
 * its time is up. */
int64_t breaker_allow(struct breaker *breaker, int64_t want, int64_t now_us);

/* A call that was allowed has begun; returns what breaker_ended wants. */
unsigned breaker_begun(struct breaker *breaker);

/* A call ended. is_first: it was no repeat. is_ok: the provider answered,
 * whatever it said. */
void breaker_ended(struct breaker *breaker, unsigned era, bool is_first,
                   bool is_ok, int64_t now_us);

#endif
