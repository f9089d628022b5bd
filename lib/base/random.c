/* The pool that keeps getrandom(2) at one call per 512 numbers. */
#include "base/random.h"

#include "base/attr.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/types.h>

static uint64_t pool[512];
static size_t n_left;

/* Otherwise parent and child would draw the same numbers. */
static void
on_fork_child(void)
{
	n_left = 0;
}

static void
refill(void)
{
	static bool is_watching_forks;
	char *to = (char *)pool;
	size_t got = 0;

	if (!is_watching_forks) {
		is_watching_forks = true;
		(void)pthread_atfork(NULL, NULL, on_fork_child);
	}
	while (got < sizeof(pool)) {
		ssize_t n = getrandom(to + got, sizeof(pool) - got, 0);

		/* Without flags it only fails when it is interrupted, or
		 * when the kernel has no such call. */
		WB_ASSERT(n > 0 || (n < 0 && errno == EINTR));
		if (n > 0)
			got += (size_t)n;
	}
	n_left = WB_ARRAY_LEN(pool);
}

uint64_t
wb_random_u64(void)
{
	uint64_t number;

	if (n_left == 0)
		refill();
	n_left--;
	number = pool[n_left];
	pool[n_left] = 0; /* what was handed out can't be read again */
	return number;
}

uint64_t
wb_random_below(uint64_t n)
{
	uint64_t number, unfair;

	WB_ASSERT(n > 0);
	/* The first 2^64 mod n numbers would be drawn once too often. */
	unfair = (0 - n) % n;
	do {
		number = wb_random_u64();
	} while (number < unfair);
	return number % n;
}
