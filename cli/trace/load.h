/* Reads stories from the databases of all services at once. Every query finds
 * its rows by an index, so that it takes milliseconds whatever has piled up. */
#ifndef WB_CLI_TRACE_LOAD_H
#define WB_CLI_TRACE_LOAD_H

#include "base/attr.h"
#include "cli.h"
#include "story.h"

struct wb_stories {
	struct wb_arena *arena;
	struct wb_story *list; /* in the order that was asked for */
	size_t n;
};

void wb_stories_fini(struct wb_stories *stories);

enum {
	/* When the relay had each event confirmed: a search per event. */
	WB_STORIES_CONFIRMS = 1,
	/* Look into the dead-letter queues of consumers that have not handled
	 * all that was sent to them; needs WB_CLI_BROKER. */
	WB_STORIES_LETTERS = 2,
};

/* What can't be asked (a server that can't be reached) leaves a gap in every
 * story, and is no error. BAD_CONFIG with a note: the parameters name no such
 * database. An order that nobody knows has an empty story. */
enum wb_err wb_stories_load(struct wb_cli *cli, const struct wb_uuid *ids,
                            size_t n, unsigned what,
                            struct wb_stories *ret_stories,
                            struct wb_note *note) WB_MUST_USE;

#endif
