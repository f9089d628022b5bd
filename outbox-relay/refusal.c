/* Reading the broker's words. */
#include "refusal.h"

#include <stdlib.h>
#include <string.h>

enum {
	ACCESS_REFUSED = 403,
	NOT_FOUND = 404,
	PRECONDITION_FAILED = 406,
};

static size_t
find_limit(const char *text)
{
	static const char words[] = "max size ";
	const char *at = strstr(text, words);

	return at == NULL ? 0 : (size_t)strtoull(at + strlen(words), NULL, 10);
}

/* The name may hold quotes, and these very words; that of the vhost is not the
 * event's. */
static void
find_exchange(const char *text, char ret_exchange[256])
{
	static const char before[] = "exchange '", after[] = "' in vhost '";
	const char *at = strstr(text, before);
	const char *end = NULL;
	size_t bytes;

	if (at == NULL)
		return;
	at += strlen(before);
	for (const char *next = at; (next = strstr(next, after)) != NULL;)
		end = next++;
	if (end == NULL || end - at > 255)
		return;
	bytes = (size_t)(end - at);
	memcpy(ret_exchange, at, bytes);
	ret_exchange[bytes] = '\0';
}

struct refusal
refusal_of(uint16_t code, const char *text)
{
	struct refusal refusal = { 0 };

	if (code == PRECONDITION_FAILED)
		refusal.limit_bytes = find_limit(text);
	else if (code == NOT_FOUND || code == ACCESS_REFUSED)
		find_exchange(text, refusal.exchange);
	return refusal;
}
