/* The headers column of a delivery → AMQP headers. */
#ifndef RELAY_HEADERS_H
#define RELAY_HEADERS_H

#include <stddef.h>

#include "amqp/amqp.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

/* Most bytes of all names and values together, with what AMQP adds to each
 * header: it can't split headers over frames, and a frame has 128 KiB. */
#define HEADERS_MAX_BYTES  ((size_t)64 * 1024)
#define HEADERS_EACH_BYTES ((size_t)16)
#define HEADERS_MAX_NAME   255

/* json: the text of a JSON object whose values are text or integers; other
 * scalars become text as they are written. The texts and the array live in the
 * arena. BAD_MESSAGE with a note: anything else, a NUL in a text, too long, or
 * CC or BCC, which the broker takes for itself. */
enum wb_err headers_parse(const char *json, struct wb_arena *arena,
                          struct wb_note *note,
                          const struct wb_amqp_header **ret_headers,
                          size_t *ret_n) WB_MUST_USE;

#endif
