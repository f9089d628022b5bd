/* A progress bar on stderr, if that is a terminal. */
#ifndef WB_CLI_DLQ_PROGRESS_H
#define WB_CLI_DLQ_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct wb_progress;

struct wb_progress_counts {
	const char *what; /* "sending", "awaiting verdicts" */
	size_t total, sent, handled, failed, pending;
	double per_second;
	int64_t left_s; /* -1 = unknown */
};

/* Ends the line that it has drawn. NULL is fine. */
void wb_progress_free(struct wb_progress *progress);

/* NULL when stderr is no terminal or nobody is to see it; the functions below
 * take that. */
struct wb_progress *wb_progress_new(bool is_wanted)
    WB_OWNED_BY(wb_progress_free);

void wb_progress_show(struct wb_progress *progress,
                      const struct wb_progress_counts *counts);

/* A line of text in between. */
void wb_progress_clear(struct wb_progress *progress);

#endif
