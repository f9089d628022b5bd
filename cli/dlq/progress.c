#include "progress.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 24 };

struct wb_progress {
	bool is_drawn;
};

void
wb_progress_clear(struct wb_progress *progress)
{
	if (progress == NULL || !progress->is_drawn)
		return;
	(void)fputs("\r\033[K", stderr);
	progress->is_drawn = false;
}

void
wb_progress_free(struct wb_progress *progress)
{
	wb_progress_clear(progress);
	free(progress);
}

struct wb_progress *
wb_progress_new(bool is_wanted)
{
	const char *term = getenv("TERM");

	if (!is_wanted || isatty(STDERR_FILENO) != 1 || term == NULL ||
	    strcmp(term, "dumb") == 0)
		return NULL;
	return wb_zalloc(sizeof(struct wb_progress));
}

void
wb_progress_show(struct wb_progress *progress,
                 const struct wb_progress_counts *counts)
{
	char bar[BAR + 1], left[32] = "";
	size_t full;

	if (progress == NULL)
		return;
	full = counts->total == 0 ? 0 : counts->sent * BAR / counts->total;
	memset(bar, '.', BAR);
	memset(bar, '#', full < BAR ? full : BAR);
	bar[BAR] = '\0';
	if (counts->left_s >= 0)
		(void)snprintf(left, sizeof left, ", %lld:%02lld left",
		               (long long)counts->left_s / 60,
		               (long long)counts->left_s % 60);
	(void)fprintf(stderr,
	              "\r\033[K%s [%s] %zu/%zu  %.0f/s%s  handled %zu  failed "
	              "again %zu  pending %zu",
	              counts->what, bar, counts->sent, counts->total,
	              counts->per_second, left, counts->handled, counts->failed,
	              counts->pending);
	(void)fflush(stderr);
	progress->is_drawn = true;
}
