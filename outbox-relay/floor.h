/* From where to look for unpublished deliveries. Published ones leave dead
 * entries in the index of pending ones; while some transaction holds them
 * visible, a scan from the start would read all of them again and again. So a
 * claim starts at a floor a little below the lowest unpublished position:
 * FLOOR_MS ago or the margin back, whichever is further, but at most
 * FLOOR_FAR_MS ago. Rows that commit later than that are below it: sweep.h
 * finds them, and whoever finds one takes the floor back.
 *
 * Positions are int64_t: µs since 1970 of due times. They must rise over time,
 * but for late commits. */
#ifndef RELAY_FLOOR_H
#define RELAY_FLOOR_H

#include <stddef.h>
#include <stdint.h>

enum {
	FLOOR_MS = 250,
	FLOOR_FAR_MS = 10 * 1000,
	FLOOR_STEP_MS = 50, /* between two remembered positions */
	FLOOR_SEEN = FLOOR_FAR_MS / FLOOR_STEP_MS + 2,
};

struct floor {
	int64_t margin; /* how far back at least */
	int64_t base;   /* older than everything remembered */
	struct {
		int64_t at_us; /* monotonic */
		int64_t position;
	} seen[FLOOR_SEEN]; /* a ring */
	size_t first, n_seen;
};

/* margin: a difference of positions. position: the end; what is further below
 * it is for the first sweep to find. */
void floor_init(struct floor *floor, int64_t margin, int64_t position);

/* The floor for a look at now_us. */
int64_t floor_get(const struct floor *floor, int64_t now_us);

/* A look from at_us on found nothing unpublished between the floor and
 * position, which is unpublished itself or the end. One that is lower than
 * those before takes the floor back. */
void floor_seen(struct floor *floor, int64_t at_us, int64_t position);

#endif
