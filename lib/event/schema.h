/* JSON Schema, as far as schema/events/ uses it: draft-07 with $ref, allOf,
 * type, const, enum, required, properties, items, minLength, pattern, minimum
 * and minItems. A schema with any other keyword that would refuse something is
 * not taken, so that nothing counts as checked that was not. tests/contracts
 * compares this with python3-jsonschema. */
#ifndef WB_EVENT_SCHEMA_H
#define WB_EVENT_SCHEMA_H

#include "base/attr.h"
#include "base/err.h"

struct json_object;
struct wb_schema;

void wb_schema_free(struct wb_schema *schema); /* NULL is fine */

/* The schema of an event type and those that it refers to, from
 * <dir>/<type>.json. BAD_CONFIG with a note: no such file, no JSON, or a
 * keyword that is not known here. Reads files: not in a loop. */
enum wb_err wb_schema_load(const char *dir, const char *type,
                           struct wb_schema **ret_schema,
                           struct wb_note *note) WB_MUST_USE;

/* SCHEMA_VIOLATION and a note: the first thing that is wrong, as
 * "data.order.lines: minItems: must have 1 at least". value NULL is null. */
enum wb_err wb_schema_check(const struct wb_schema *schema,
                            struct json_object *value,
                            struct wb_note *note) WB_MUST_USE;

#endif
