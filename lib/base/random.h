/* Uniform random numbers from getrandom(2), read a page at a time. A forked
 * child starts with a pool of its own. */
#ifndef WB_BASE_RANDOM_H
#define WB_BASE_RANDOM_H

#include <stdint.h>

uint64_t wb_random_u64(void);

/* Uniform in [0, n); n > 0. */
uint64_t wb_random_below(uint64_t n);

#endif
