/* When it is due. */
#include "sweep.h"

void
sweep_init(struct sweep *sweep, int64_t period_ms, int64_t now_us)
{
	*sweep = (struct sweep){
		.period_us = period_ms * 1000,
		.next_us = now_us,
	};
}

bool
sweep_is_due(const struct sweep *sweep, int64_t now_us)
{
	return now_us >= sweep->next_us;
}

void
sweep_took(struct sweep *sweep, int64_t from_us, int64_t now_us)
{
	int64_t wait_us = (now_us - from_us) * SWEEP_SHARE;

	if (wait_us < sweep->period_us)
		wait_us = sweep->period_us;
	sweep->next_us = now_us + wait_us;
}
