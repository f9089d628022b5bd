/* A ring of positions by age. */
#include "floor.h"

#include <string.h>

void
floor_init(struct floor *floor, int64_t margin, int64_t position)
{
	memset(floor, 0, sizeof *floor);
	floor->margin = margin;
	floor->base = position - margin;
}

static int64_t
floor_of_age(const struct floor *floor, int64_t now_us, int64_t age_ms)
{
	for (size_t i = floor->n_seen; i > 0; i--) {
		size_t at = (floor->first + i - 1) % FLOOR_SEEN;

		if (now_us - floor->seen[at].at_us >= age_ms * 1000)
			return floor->seen[at].position;
	}
	return floor->base;
}

static int64_t
last_position(const struct floor *floor)
{
	size_t last =
	    (floor->first + floor->n_seen + FLOOR_SEEN - 1) % FLOOR_SEEN;

	return floor->n_seen > 0 ? floor->seen[last].position : floor->base;
}

int64_t
floor_get(const struct floor *floor, int64_t now_us)
{
	int64_t near = floor_of_age(floor, now_us, FLOOR_MS);
	int64_t far = floor_of_age(floor, now_us, FLOOR_FAR_MS);
	int64_t back = last_position(floor) - floor->margin;

	if (near > back)
		near = back;
	return near > far ? near : far;
}

/* It committed late: looks see it from now on. */
static void
take_back(struct floor *floor, int64_t position)
{
	if (floor->base > position)
		floor->base = position;
	for (size_t i = 0; i < floor->n_seen; i++) {
		size_t at = (floor->first + i) % FLOOR_SEEN;

		if (floor->seen[at].position > position)
			floor->seen[at].position = position;
	}
}

void
floor_seen(struct floor *floor, int64_t at_us, int64_t position)
{
	size_t last =
	    (floor->first + floor->n_seen + FLOOR_SEEN - 1) % FLOOR_SEEN;

	if (position < last_position(floor)) {
		take_back(floor, position);
		return;
	}
	if (floor->n_seen > 0 &&
	    at_us - floor->seen[last].at_us < FLOOR_STEP_MS * (int64_t)1000)
		return;
	if (floor->n_seen == FLOOR_SEEN) {
		floor->base = floor->seen[floor->first].position;
		floor->first = (floor->first + 1) % FLOOR_SEEN;
		floor->n_seen--;
	}
	last = (floor->first + floor->n_seen++) % FLOOR_SEEN;
	floor->seen[last].at_us = at_us;
	floor->seen[last].position = position;
}
