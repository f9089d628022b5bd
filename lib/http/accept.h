/* The header Accept (RFC 9110, 12.5.1). */
#ifndef WB_HTTP_ACCEPT_H
#define WB_HTTP_ACCEPT_H

#include <stdbool.h>

/* Whether its sender takes a content of this type ("application/json"). The
 * most specific range that fits decides, and parameters but q are passed over,
 * since no type here has versions. NULL, and a header without any range that
 * can be understood, take everything. */
bool wb_http_accepts(const char *accept, const char *type);

#endif
