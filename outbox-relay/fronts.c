#include "fronts.h"

#include "base/attr.h"

void
fronts_forget(struct fronts *fronts)
{
	*fronts = (struct fronts){ 0 };
}

void
fronts_note(struct fronts *fronts, int32_t lane, uint64_t xmin)
{
	WB_ASSERT(lane >= 0 && lane < CURSOR_LANES);
	if (xmin > fronts->xids[lane])
		fronts->xids[lane] = xmin;
}
