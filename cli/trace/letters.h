/* What lies in dead-letter queues. */
#ifndef WB_CLI_TRACE_LETTERS_H
#define WB_CLI_TRACE_LETTERS_H

#include "cli.h"
#include "story.h"

/* Looks into the dead-letter queue of each consumer that has not handled some
 * of the story's events, and judges anew. Nothing there changes. A broker that
 * can't be reached leaves a gap in the story. */
void trace_look(struct wb_cli *cli, struct wb_story *story);

#endif
