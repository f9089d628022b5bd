/* From where to look for unpublished rows. Published rows leave dead entries in
 * the index of pending rows; while some transaction holds them visible, a scan
 * from the start would read all of them again and again. So a claim starts at a
 * floor: the lowest unpublished position that was seen some time ago. A row that
 * commits later than that is below the floor:
 *   - each claim looks from the floor of FLOOR_NEAR_MS ago,
 *   - once in FLOOR_FAR_EVERY_MS from the one of FLOOR_FAR_MS ago,
 *   - the watch's sweep (gate.h) looks at everything.
 * Whoever finds a row below the floor takes the floor back to it.
 *
 * Positions are int64_t: seq of events, µs since 1970 of deliveries' due times.
 * They must rise over time, but for late commits. */
#ifndef RELAY_FLOOR_H
#define RELAY_FLOOR_H

#include <stddef.h>
#include <stdint.h>

enum {
	FLOOR_NEAR_MS = 250,
	FLOOR_FAR_MS = 10 * 1000,
	FLOOR_FAR_EVERY_MS = 1000,
	FLOOR_STEP_MS = 50, /* between two remembered positions */
	FLOOR_SEEN = FLOOR_FAR_MS / FLOOR_STEP_MS + 2,
};

struct floor {
	int64_t base; /* older than everything remembered */
	struct {
		int64_t at_us; /* monotonic */
		int64_t position;
	} seen[FLOOR_SEEN]; /* a ring */
	size_t first, n_seen;
	int64_t far_us; /* when the far floor was last used */
};

/* Everything is above it. */
void floor_init(struct floor *floor);

/* The floor for a claim at now_us: the near one, now and then the far one. */
int64_t floor_get(struct floor *floor, int64_t now_us);

/* The near one, for others who look. */
int64_t floor_near(const struct floor *floor, int64_t now_us);

/* A look from at_us on found nothing unpublished between the floor and
 * position, which is unpublished itself or the end. */
void floor_seen(struct floor *floor, int64_t at_us, int64_t position);

/* A row was found at position: claims see it from now on. */
void floor_take_back(struct floor *floor, int64_t position);

#endif
