/* Looking for rows below the floor, lane by lane: each claim looks at
 * everything in a few lanes, so that each of them has its turn once in
 * sweep-ms. Where that is slow (many dead entries), it is done more seldom.
 * Deliveries have no lanes: they count as one. */
#ifndef RELAY_SWEEP_H
#define RELAY_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SWEEP_LANES = 64, /* rows of outbox_lanes */
	SWEEP_AT_ONCE = 16,
	/* Longest that lanes should take in one claim, and how much of the time
	 * sweeping may take: one part in so many. */
	SWEEP_TARGET_US = 5000,
	SWEEP_SHARE = 10,
};

struct sweep {
	int64_t period_us; /* for all lanes */
	int64_t last_us;   /* monotonic: lanes fall due from then on */
	int64_t lane_us;   /* what the last lanes took, each */
	size_t n_lanes, next;
	bool has_gone_round; /* each lane has had a turn; until then, at once */
};

void sweep_init(struct sweep *sweep, size_t n_lanes, int64_t period_ms,
                int64_t now_us);

/* The lanes to be looked at by a claim that begins now. Returns how many. */
size_t sweep_take(struct sweep *sweep, int64_t now_us,
                  int32_t ret_lanes[SWEEP_AT_ONCE]);

/* That claim's look with n > 0 such lanes took so long, until now_us. */
void sweep_took(struct sweep *sweep, size_t n, int64_t us, int64_t now_us);

#endif
