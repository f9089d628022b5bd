/* A table of small sets by the hash, like a processor's cache. */
#include "published.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "hash.h"

struct published_entry {
	uint64_t hash; /* 0: none */
	int64_t sequence;
};

/* The newest first. */
struct published_set {
	struct published_entry entries[PUBLISHED_WAYS];
};

void
published_init(struct published *published)
{
	*published = (struct published){ .seed = wb_random_u64() };
}

void
published_fini(struct published *published)
{
	free(published->sets);
	published->sets = NULL;
}

void
published_forget(struct published *published)
{
	published_fini(published);
}

static uint64_t
hash_of(const struct published *published, const char *aggregate_type,
        const char *aggregate_id)
{
	uint64_t hash =
	    hash_aggregate(published->seed, aggregate_type, aggregate_id);

	return hash != 0 ? hash : 1;
}

static struct published_set *
set_of(const struct published *published, uint64_t hash)
{
	return &published->sets[hash & (PUBLISHED_SETS - 1)];
}

void
published_note(struct published *published, const char *aggregate_type,
               const char *aggregate_id, int64_t sequence)
{
	uint64_t hash = hash_of(published, aggregate_type, aggregate_id);
	struct published_set *set;
	size_t i = 0;

	if (published->sets == NULL)
		published->sets =
		    wb_zalloc(PUBLISHED_SETS * sizeof *published->sets);
	set = set_of(published, hash);
	while (i < PUBLISHED_WAYS - 1 && set->entries[i].hash != hash)
		i++;
	for (; i > 0; i--)
		set->entries[i] = set->entries[i - 1];
	set->entries[0] = (struct published_entry){
		.hash = hash,
		.sequence = sequence,
	};
}

bool
published_has(const struct published *published, const char *aggregate_type,
              const char *aggregate_id, int64_t sequence)
{
	uint64_t hash = hash_of(published, aggregate_type, aggregate_id);
	const struct published_set *set;

	if (published->sets == NULL)
		return false;
	set = set_of(published, hash);
	for (size_t i = 0; i < PUBLISHED_WAYS; i++)
		if (set->entries[i].hash == hash)
			return set->entries[i].sequence == sequence;
	return false;
}
