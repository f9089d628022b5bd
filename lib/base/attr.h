/* Compiler annotations, assertions and small macros used everywhere. */
#ifndef WB_BASE_ATTR_H
#define WB_BASE_ATTR_H

#include <stddef.h>

#define WB_MUST_USE     __attribute__((warn_unused_result))
#define WB_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WB_NORETURN     __attribute__((noreturn))

/* The result of a constructor must be given to free_fn (gcc's analyzer then
 * finds leaks and double frees of our own handles). */
#if defined(__GNUC__) && !defined(__clang__)
#define WB_OWNED_BY(free_fn) __attribute__((malloc(free_fn, 1)))
#else
#define WB_OWNED_BY(free_fn)
#endif

#define WB_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* For our own bugs only; stays on with NDEBUG. Never for bytes from a network,
 * rows of a database, sizes, allocation or configuration. */
#define WB_ASSERT(cond)                                                        \
	((cond) ? (void)0 : wb_assert_failed(#cond, __FILE__, __LINE__))

WB_NORETURN void wb_assert_failed(const char *what, const char *file, int line);

/* Long-lived structs start with `unsigned magic`; a trampoline takes its
 * void *arg through WB_CAST, which asserts the magic. */
#define WB_CAST(var, arg, want_magic)                                          \
	do {                                                                   \
		(var) = (arg);                                                 \
		WB_ASSERT((var) != NULL && (var)->magic == (want_magic));      \
	} while (0)

#endif
