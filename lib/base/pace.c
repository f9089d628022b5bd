#include "base/pace.h"

void
wb_pace_begin(struct wb_pace *pace, int64_t now_us)
{
	pace->began_us = now_us;
}

void
wb_pace_end(struct wb_pace *pace, int64_t now_us, size_t n)
{
	int64_t took_us = now_us - pace->began_us;

	pace->until_us = now_us;
	if (n >= WB_PACE_FEW)
		pace->until_us +=
		    took_us < pace->window_us ? took_us : pace->window_us;
}

int64_t
wb_pace_wait_us(const struct wb_pace *pace, int64_t now_us)
{
	return pace->until_us > now_us ? pace->until_us - now_us : 0;
}
