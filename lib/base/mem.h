/* Allocation that never returns NULL, also for 0 bytes: when there is no
 * memory it logs and aborts. What it returns is given back by free(). */
#ifndef WB_BASE_MEM_H
#define WB_BASE_MEM_H

#include <stddef.h>

void *wb_zalloc(size_t bytes);
void *wb_realloc(void *old, size_t bytes);
char *wb_strdup(const char *text);
void *wb_memdup(const void *data, size_t bytes);

/* Returns what a library's constructor made; NULL, where that can only mean
 * that memory ran out, aborts like the others. */
void *wb_made(void *made);

#endif
