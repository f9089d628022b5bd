/* The story as JSON: members of the object that is open. docs/trace.md tells
 * what they mean. */
#ifndef WB_CLI_TRACE_TELL_JSON_H
#define WB_CLI_TRACE_TELL_JSON_H

#include "json.h"
#include "story.h"

void wb_trace_json(struct wb_json *json, const struct wb_story *story);

#endif
