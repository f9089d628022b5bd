/* Looking at everything, now and then: at the start, and every sweep-ms for
 * what the usual look can't see. Where that is slow, it is done more seldom. */
#ifndef RELAY_SWEEP_H
#define RELAY_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

/* How much of the time sweeping may take: one part in so many. */
enum { SWEEP_SHARE = 10 };

struct sweep {
	int64_t period_us;
	int64_t next_us; /* monotonic: due from then on */
};

/* Due at once. */
void sweep_init(struct sweep *sweep, int64_t period_ms, int64_t now_us);

bool sweep_is_due(const struct sweep *sweep, int64_t now_us);

/* One that began at from_us ends now. */
void sweep_took(struct sweep *sweep, int64_t from_us, int64_t now_us);

#endif
