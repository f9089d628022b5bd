/* Which days hold events that are not done. Both tables of the outbox are a
 * ring of partitions, one per day; statements look only at those that can hold
 * what is not done: from the lowest `since` of all cursors until now (or the
 * other way round, after a clock was set back), with a margin. While that is at
 * most two days, they are looked at alone; at times everything is looked at all
 * the same (sweep.h). */
#ifndef RELAY_HORIZON_H
#define RELAY_HORIZON_H

#include <stdint.h>

#include "sql.h"

struct horizon {
	int64_t since_us, now_us; /* the server's clock */
	int64_t at_us;            /* monotonic, when it was told; 0: never */
};

void horizon_seen(struct horizon *horizon, int64_t since_us, int64_t now_us,
                  int64_t at_us);

/* How far to look at at_us: a slot, or REACH_NEAR and those two, or REACH_FAR
 * (then the slots mean nothing). */
enum reach horizon_reach(const struct horizon *horizon, int64_t at_us,
                         int32_t ret_slots[2]);

#endif
