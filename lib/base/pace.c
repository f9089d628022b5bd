#include "base/pace.h"

void
wb_pace_begin(struct wb_pace *pace, int64_t now_us)
{
	pace->began_us = now_us;
	pace->is_gathering = false;
}

void
wb_pace_end(struct wb_pace *pace, int64_t now_us, size_t n)
{
	int64_t took_us = now_us - pace->began_us;

	pace->until_us = now_us;
	if (n >= WB_PACE_FEW && !pace->is_patient)
		pace->until_us +=
		    took_us < pace->window_us ? took_us : pace->window_us;
}

int64_t
wb_pace_wait_us(struct wb_pace *pace, int64_t now_us)
{
	if (pace->is_patient && !pace->is_gathering) {
		pace->is_gathering = true;
		pace->until_us = now_us + pace->window_us;
	}
	return pace->until_us > now_us ? pace->until_us - now_us : 0;
}
