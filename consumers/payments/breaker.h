/* A circuit breaker: after `threshold` failures in a row no call is made for
 * open_ms (OPEN); then one probe at a time (HALF_OPEN), whose success closes it
 * and whose failure opens it again. */
#ifndef WB_PAYMENTS_BREAKER_H
#define WB_PAYMENTS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"

#define BREAKER_TABLE(X) X(CLOSED) X(OPEN) X(HALF_OPEN)

enum breaker_state {
#define X(name) BREAKER_##name,
	BREAKER_TABLE(X)
#undef X
};

struct breaker {
	int64_t threshold;
	int64_t open_ms;
	enum breaker_state state;
	int64_t failures;  /* in a row, while CLOSED */
	int64_t opened_us; /* monotonic */
	bool is_probing;   /* HALF_OPEN: a probe is under way */
	struct wb_gauge *gauge;
};

void breaker_init(struct breaker *breaker, int64_t threshold, int64_t open_ms);

/* How many calls may be begun now, of `want`. OPEN moves to HALF_OPEN here once
 * its time is up. */
int64_t breaker_allow(struct breaker *breaker, int64_t want, int64_t now_us);

/* n calls that were allowed have been begun. */
void breaker_begun(struct breaker *breaker, int64_t n);

/* A call ended. is_ok: the provider answered, whatever it said. */
void breaker_ended(struct breaker *breaker, bool is_ok, int64_t now_us);

#endif
