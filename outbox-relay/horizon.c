/* Times → slots of the ring. */
#include "horizon.h"

#define HOUR_US ((int64_t)3600 * 1000 * 1000)
#define DAY_US  (24 * HOUR_US)

void
horizon_seen(struct horizon *horizon, int64_t since_us, int64_t now_us,
             int64_t at_us)
{
	*horizon = (struct horizon){
		.since_us = since_us,
		.now_us = now_us,
		.at_us = at_us,
	};
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

enum reach
horizon_reach(const struct horizon *horizon, int64_t at_us,
              int32_t ret_slots[2])
{
	int64_t now_us = horizon->now_us + (at_us - horizon->at_us);
	int64_t first = (least(horizon->since_us, now_us) - HOUR_US) / DAY_US;
	int64_t last = (most(horizon->since_us, now_us) + HOUR_US) / DAY_US;

	ret_slots[0] = (int32_t)(first % REACH_DAYS);
	ret_slots[1] = (int32_t)(last % REACH_DAYS);
	if (horizon->at_us == 0 || first < 0 || last - first > 1)
		return REACH_FAR;
	return first == last ? (enum reach)ret_slots[0] : REACH_NEAR;
}
