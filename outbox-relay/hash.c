/* The hash of an aggregate's name. */
#include "hash.h"

static uint64_t
add_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return (hash ^ 0xffu) * 0x100000001b3u; /* no byte of UTF-8 */
}

/* Names that differ in their last letters only have similar hashes until then:
 * every bit of the result depends on all of them. */
static uint64_t
mix(uint64_t hash)
{
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 33;
}

uint64_t
hash_aggregate(uint64_t start, const char *aggregate_type,
               const char *aggregate_id)
{
	return mix(add_text(add_text(start, aggregate_type), aggregate_id));
}
