/* A region of memory that is given back as a whole. Out of memory aborts the
 * process: every arena is bounded by limits on its input. Under ASan each
 * allocation is a block of its own, so that overruns are seen. */
#ifndef WB_BASE_ARENA_H
#define WB_BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"

struct wb_arena;

void wb_arena_free(struct wb_arena *arena); /* NULL is fine */
struct wb_arena *wb_arena_new(void) WB_OWNED_BY(wb_arena_free);

/* Everything allocated so far is gone; one block is kept for reuse. */
void wb_arena_reset(struct wb_arena *arena);

/* Zeroed, aligned for any type, never NULL, also for 0 bytes. */
void *wb_arena_alloc(struct wb_arena *arena, size_t bytes);

char *wb_arena_strdup(struct wb_arena *arena, const char *text);
char *wb_arena_strndup(struct wb_arena *arena, const char *text, size_t bytes);
char *wb_arena_printf(struct wb_arena *arena, const char *fmt, ...)
    WB_PRINTF(2, 3);

#endif
