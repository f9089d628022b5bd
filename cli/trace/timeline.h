/* The story for people, in text. */
#ifndef WB_CLI_TRACE_TIMELINE_H
#define WB_CLI_TRACE_TIMELINE_H

#include "base/buf.h"
#include "cli.h"
#include "story.h"

/* is_brief: without what went as it should. */
void wb_timeline_print(const struct wb_cli *cli, const struct wb_story *story,
                       bool is_brief, struct wb_buf *out);

/* Time that has passed: "4.1ms", "3m05s". Returns text. */
#define WB_TIMELINE_SPAN_BYTES 48
char *wb_timeline_span(int64_t us, char text[WB_TIMELINE_SPAN_BYTES]);

#endif
