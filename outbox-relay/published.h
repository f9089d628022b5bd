/* What this relay has published of late: the last sequence of many aggregates,
 * one entry each. Most events come soon after the one before them, so that
 * there is no need to look whether that is published: the look-up costs the
 * server more than reading the event does. What is published stays so, whoever
 * else publishes and whatever is committed: an entry is never wrong, only
 * missing. */
#ifndef RELAY_PUBLISHED_H
#define RELAY_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PUBLISHED_SETS = 1 << 12, /* a power of two */
	PUBLISHED_WAYS = 4,       /* a set is a cache line; 256 KiB in all */
};

struct published {
	uint64_t seed;
	struct published_set *sets;
};

/* Empty. Takes its memory when the first event is noted. */
void published_init(struct published *published);
void published_fini(struct published *published);

/* Forgets everything: the database may be another one now. */
void published_forget(struct published *published);

/* The broker has confirmed it. If need be, it takes the place of another
 * aggregate's entry, the oldest one of four. */
void published_note(struct published *published, const char *aggregate_type,
                    const char *aggregate_id, int64_t sequence);

/* Whether it was this one that was noted last of its aggregate. Aggregates are
 * told apart by a seeded hash of 64 bits. */
bool published_has(const struct published *published,
                   const char *aggregate_type, const char *aggregate_id,
                   int64_t sequence);

#endif
