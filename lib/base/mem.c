#include "base/mem.h"

#include "base/attr.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

WB_NORETURN static void
out_of_memory(size_t bytes)
{
	wb_log_error(WB_LOG_ASSERT, "failed=\"out of memory\" bytes=%zu",
	             bytes);
	abort();
}

void *
wb_zalloc(size_t bytes)
{
	void *data = calloc(1, bytes == 0 ? 1 : bytes);

	if (data == NULL)
		out_of_memory(bytes);
	return data;
}

void *
wb_realloc(void *old, size_t bytes)
{
	void *data = realloc(old, bytes == 0 ? 1 : bytes);

	if (data == NULL)
		out_of_memory(bytes);
	return data;
}

void *
wb_memdup(const void *data, size_t bytes)
{
	void *copy = wb_realloc(NULL, bytes);

	if (bytes > 0)
		memcpy(copy, data, bytes);
	return copy;
}

char *
wb_strdup(const char *text)
{
	return wb_memdup(text, strlen(text) + 1);
}

void *
wb_made(void *made)
{
	if (made == NULL)
		out_of_memory(0);
	return made;
}
