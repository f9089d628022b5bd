/* The story as a sequence diagram in Mermaid's language
 * (https://mermaid.js.org), as GitHub, GitLab and others show it in Markdown.
 */
#ifndef WB_CLI_TRACE_MERMAID_H
#define WB_CLI_TRACE_MERMAID_H

#include "base/buf.h"
#include "story.h"

void wb_mermaid_print(const struct wb_story *story, struct wb_buf *out);

#endif
