/* Pacing of work that comes in batches: what is paid per batch is shared by
 * more, and others get the processor and the disk meanwhile.
 *
 * For throughput under load: after a batch of several, the next one waits as
 * long as this one took, so that more gathers for it. Small batches are no sign
 * of load: after one of few nothing waits, so an idle system answers at once.
 *
 * Patient, for work whose result nobody waits for: every batch begins a whole
 * window after the first of it has come. */
#ifndef WB_BASE_PACE_H
#define WB_BASE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A batch of fewer is followed at once. */
#define WB_PACE_FEW 4

/* Zeroed but for window_us and is_patient; times are those of wb_mono_us. */
struct wb_pace {
	int64_t window_us; /* the longest wait; 0 = never */
	bool is_patient;
	bool is_gathering; /* the first one of the next batch has come */
	int64_t began_us;
	int64_t until_us;
};

void wb_pace_begin(struct wb_pace *pace, int64_t now_us);

/* The batch, of so many, is over. */
void wb_pace_end(struct wb_pace *pace, int64_t now_us, size_t n);

/* How long the next one, for which something is there, has to wait, in µs; 0 =
 * it may begin. */
int64_t wb_pace_wait_us(struct wb_pace *pace, int64_t now_us);

#endif
