#include "base/backoff.h"

int64_t
wb_backoff_limit_ms(const struct wb_backoff *backoff, unsigned attempt)
{
	int64_t limit = backoff->base_ms < 0 ? 0 : backoff->base_ms;

	while (attempt > 0 && backoff->factor > 1 && limit < backoff->cap_ms) {
		if (limit == 0)
			break;
		if (limit > backoff->cap_ms / backoff->factor)
			return backoff->cap_ms;
		limit *= backoff->factor;
		attempt--;
	}
	if (limit > backoff->cap_ms)
		limit = backoff->cap_ms;
	return limit < 0 ? 0 : limit;
}

int64_t
wb_backoff_ms(const struct wb_backoff *backoff, unsigned attempt)
{
	int64_t limit = wb_backoff_limit_ms(backoff, attempt);

	return (int64_t)wb_random_below((uint64_t)limit + 1);
}
