/* Conditions on the JSON of a message: what --where takes.
 *
 *	data.order.total_minor > 10000 and data.order.lines.*.sku = "TEA-100"
 *
 * A path names members, elements of arrays by their number from 0, or with *
 *any of them, from the top of the message. = and != compare text or numbers, <
 *<= > >= numbers or (RFC 3339 times are in order as text) text, ~ looks for a
 *piece of text. A path that leads nowhere fulfils nothing. */
#ifndef WB_CLI_DLQ_WHERE_H
#define WB_CLI_DLQ_WHERE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct json_object;
struct wb_where;

void wb_where_free(struct wb_where *where); /* NULL is fine */

/* BAD_CONFIG with a note that tells what is wrong and where. "" gives NULL: no
 * condition. */
enum wb_err wb_where_parse(const char *text, struct wb_where **ret_where,
                           struct wb_note *note) WB_MUST_USE;

/* json may be NULL (no JSON): only what has no condition matches. */
bool wb_where_matches(const struct wb_where *where, struct json_object *json);

#endif
