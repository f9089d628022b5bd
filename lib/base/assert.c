#include "base/attr.h"

#include "base/log.h"

#include <stdlib.h>

void
wb_assert_failed(const char *what, const char *file, int line)
{
	wb_log_error(WB_LOG_ASSERT, "at=%s:%d failed=\"%s\"", file, line, what);
	abort();
}
