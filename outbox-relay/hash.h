/* A hash of an aggregate's name: FNV-1a, from a start of the caller's, and then
 * the last step of MurmurHash3 (both are in the public domain). */
#ifndef RELAY_HASH_H
#define RELAY_HASH_H

#include <stdint.h>

uint64_t hash_aggregate(uint64_t start, const char *aggregate_type,
                        const char *aggregate_id);

#endif
