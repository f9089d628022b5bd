/* Pacing of work that comes in batches, for throughput under load: after a
 * batch of several, the next one waits as long as this one took, so that more
 * gathers for it. What is paid per batch is then shared by more, and others get
 * the processor and the disk meanwhile. Small batches are no sign of load:
 * after one of few nothing waits, so an idle system answers at once. */
#ifndef WB_BASE_PACE_H
#define WB_BASE_PACE_H

#include <stddef.h>
#include <stdint.h>

/* A batch of fewer is followed at once. */
#define WB_PACE_FEW 4

/* Zeroed but for window_us; times are those of wb_mono_us. */
struct wb_pace {
	int64_t window_us; /* the longest wait; 0 = never */
	int64_t began_us;
	int64_t until_us;
};

void wb_pace_begin(struct wb_pace *pace, int64_t now_us);

/* The batch, of so many, is over. */
void wb_pace_end(struct wb_pace *pace, int64_t now_us, size_t n);

/* How long the next one has to wait, in µs; 0 = it may begin. */
int64_t wb_pace_wait_us(const struct wb_pace *pace, int64_t now_us);

#endif
