/* Whose turn it is, and how fast turns go. */
#include "sweep.h"

void
sweep_init(struct sweep *sweep, size_t n_lanes, int64_t period_ms,
           int64_t now_us)
{
	*sweep = (struct sweep){
		.n_lanes = n_lanes,
		.period_us = period_ms * 1000,
		.last_us = now_us,
	};
}

static size_t
most_at_once(const struct sweep *sweep)
{
	int64_t n = sweep->n_lanes < SWEEP_AT_ONCE ? (int64_t)sweep->n_lanes
	                                           : SWEEP_AT_ONCE;

	if (sweep->lane_us > 0 && SWEEP_TARGET_US / sweep->lane_us < n)
		n = SWEEP_TARGET_US / sweep->lane_us;
	return n > 0 ? (size_t)n : 1;
}

size_t
sweep_take(struct sweep *sweep, int64_t now_us,
           int32_t ret_lanes[SWEEP_AT_ONCE])
{
	int64_t turn_us = sweep->period_us / (int64_t)sweep->n_lanes;
	int64_t due = (now_us - sweep->last_us) / turn_us;
	size_t most = most_at_once(sweep), n;

	if (!sweep->has_gone_round)
		due = (int64_t)(sweep->n_lanes - sweep->next);
	if (due <= 0)
		return 0;
	n = due < (int64_t)most ? (size_t)due : most;
	if (sweep->next + n >= sweep->n_lanes)
		sweep->has_gone_round = true;
	for (size_t i = 0; i < n; i++)
		ret_lanes[i] = (int32_t)((sweep->next + i) % sweep->n_lanes);
	sweep->next = (sweep->next + n) % sweep->n_lanes;
	sweep->last_us = now_us;
	return n;
}

void
sweep_took(struct sweep *sweep, size_t n, int64_t us, int64_t now_us)
{
	sweep->lane_us = us / (int64_t)n;
	if (us > SWEEP_TARGET_US)
		sweep->last_us = now_us + us * SWEEP_SHARE;
}
