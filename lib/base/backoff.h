/* Exponential back-off with full jitter: a uniform pick of
 * [0, min(cap, base · factor^attempt)]. */
#ifndef WB_BASE_BACKOFF_H
#define WB_BASE_BACKOFF_H

#include <stdint.h>

#include "base/random.h"

struct wb_backoff {
	int64_t base_ms, factor, cap_ms;
};

/* attempt: 0 for the first wait. Never overflows. */
int64_t wb_backoff_ms(const struct wb_backoff *backoff, unsigned attempt);

/* The upper bound of that pick. */
int64_t wb_backoff_limit_ms(const struct wb_backoff *backoff, unsigned attempt);

#endif
