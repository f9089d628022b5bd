/* Reading the broker's words. */
#include "refusal.h"

#include <stdlib.h>
#include <string.h>

#define PRECONDITION_FAILED 406

size_t
refusal_limit(uint16_t code, const char *text)
{
	static const char words[] = "max size ";
	const char *at = strstr(text, words);

	if (code != PRECONDITION_FAILED || at == NULL)
		return 0;
	return (size_t)strtoull(at + strlen(words), NULL, 10);
}
