#include "base/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
wb_crash_point(const char *name)
{
	static unsigned long passes;
	const char *at = getenv("WB_CRASH_AT");
	const char *after;

	if (at == NULL || strcmp(at, name) != 0)
		return;
	after = getenv("WB_CRASH_AFTER");
	passes++;
	if (passes >= (after == NULL ? 1 : strtoul(after, NULL, 10)))
		(void)kill(getpid(), SIGKILL);
}
