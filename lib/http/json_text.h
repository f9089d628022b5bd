/* What must be known about a JSON text beside what json-c's strict parser
 * finds. That keeps the last of two members of the same name without a word;
 * ends at a NUL byte, and keys at an escaped one; and takes NaN, 'a', -01, 1.
 * and bare tabs in strings. */
#ifndef WB_HTTP_JSON_TEXT_H
#define WB_HTTP_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct json_object;

/* Counts the members of all objects in the text. Right for any text that the
 * parser takes as well. False, and why in words, for what it must not take. */
bool wb_json_text_scan(const char *text, size_t bytes, size_t *ret_members,
                       const char **ret_why) WB_MUST_USE;

/* The members of all objects in the tree. Fewer than in its text: some object
 * had a name twice. Recursive: for trees of limited depth. */
size_t wb_json_tree_members(struct json_object *tree);

/* The whole text (at most INT_MAX bytes) as one object, or NULL and why in
 * words. depth: of nested arrays and objects, the values in the innermost ones
 * counted as one more. The caller puts the object. */
struct json_object *
wb_json_text_parse(const char *text, size_t bytes, int depth, char *ret_why,
                   size_t why_bytes) WB_MUST_USE;

#endif
