#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif

/* 0: a block per allocation, of exactly its size. */
#ifdef HAS_ASAN
#define SHARED_BYTES ((size_t)0)
#else
#define SHARED_BYTES ((size_t)16384)
#endif

#define ALIGN alignof(max_align_t)

struct block {
	struct block *next;
	size_t used, bytes;
	alignas(max_align_t) unsigned char data[];
};

/* Only blocks[0], the newest shared one, has room left that is looked at;
 * what does not fit into a shared block is linked behind it. */
struct wb_arena {
	struct block *blocks;
};

struct wb_arena *
wb_arena_new(void)
{
	return wb_zalloc(sizeof(struct wb_arena));
}

static void
free_blocks(struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
}

void
wb_arena_free(struct wb_arena *arena)
{
	if (arena == NULL)
		return;
	free_blocks(arena->blocks);
	free(arena);
}

void
wb_arena_reset(struct wb_arena *arena)
{
	struct block *kept = arena->blocks;

	if (kept == NULL)
		return;
	if (SHARED_BYTES == 0 || kept->bytes != SHARED_BYTES) {
		free_blocks(kept);
		arena->blocks = NULL;
		return;
	}
	free_blocks(kept->next);
	kept->next = NULL;
	kept->used = 0;
}

static struct block *
add_block(struct wb_arena *arena, size_t bytes)
{
	struct block *block;
	struct block **link = &arena->blocks;

	/* SIZE_MAX can't be had: wb_realloc reports it. */
	if (bytes > SIZE_MAX - sizeof(*block))
		block = wb_realloc(NULL, SIZE_MAX);
	else
		block = wb_realloc(NULL, sizeof(*block) + bytes);
	block->used = 0;
	block->bytes = bytes;
	if (bytes != SHARED_BYTES && *link != NULL)
		link = &(*link)->next;
	block->next = *link;
	*link = block;
	return block;
}

void *
wb_arena_alloc(struct wb_arena *arena, size_t bytes)
{
	struct block *block = arena->blocks;
	size_t padding = block == NULL ? 0 : -block->used % ALIGN;
	void *data;

	if (bytes > SHARED_BYTES / 4) {
		block = add_block(arena, bytes);
		padding = 0;
	} else if (block == NULL || block->bytes - block->used < padding ||
	           block->bytes - block->used - padding < bytes) {
		block = add_block(arena, SHARED_BYTES);
		padding = 0;
	}
	data = block->data + block->used + padding;
	block->used += padding + bytes;
	return memset(data, 0, bytes);
}

char *
wb_arena_strndup(struct wb_arena *arena, const char *text, size_t bytes)
{
	size_t length = strnlen(text, bytes);
	char *copy = wb_arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *
wb_arena_strdup(struct wb_arena *arena, const char *text)
{
	return wb_arena_strndup(arena, text, strlen(text));
}

char *
wb_arena_printf(struct wb_arena *arena, const char *fmt, ...)
{
	va_list args;
	int length;
	char *text;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	WB_ASSERT(length >= 0);
	text = wb_arena_alloc(arena, (size_t)length + 1);
	va_start(args, fmt);
	(void)vsnprintf(text, (size_t)length + 1, fmt, args);
	va_end(args);
	return text;
}
