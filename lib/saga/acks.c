/* The delivery tags of one channel. Tags count up by one; at most prefetch of
 * them are unacked, so that a ring holds what is known about each. */
#include "saga/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
wb_acks_init(struct wb_acks *acks, int64_t prefetch)
{
	acks->size = 1;
	while (acks->size <= (size_t)prefetch)
		acks->size *= 2;
	acks->is_done = wb_zalloc(acks->size * sizeof(bool));
}

void
wb_acks_fini(struct wb_acks *acks)
{
	free(acks->is_done);
	acks->is_done = NULL;
}

void
wb_acks_reset(struct wb_acks *acks)
{
	memset(acks->is_done, 0, acks->size * sizeof(bool));
	acks->acked = 0;
	acks->delivered = 0;
}

bool
wb_acks_deliver(struct wb_acks *acks, uint64_t tag)
{
	if (tag != acks->delivered + 1 || tag - acks->acked > acks->size)
		return false;
	acks->delivered = tag;
	return true;
}

void
wb_acks_done(struct wb_acks *acks, uint64_t tag)
{
	WB_ASSERT(tag > acks->acked && tag <= acks->delivered);
	acks->is_done[tag & (acks->size - 1)] = true;
}

uint64_t
wb_acks_advance(struct wb_acks *acks)
{
	uint64_t tag = acks->acked;

	while (tag < acks->delivered &&
	       acks->is_done[(tag + 1) & (acks->size - 1)]) {
		tag++;
		acks->is_done[tag & (acks->size - 1)] = false;
	}
	if (tag == acks->acked)
		return 0;
	acks->acked = tag;
	return tag;
}
