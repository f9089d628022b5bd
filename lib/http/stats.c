/* Counters per route. The metrics' own look-up goes through all label sets by
 * their text; here each request finds its counter by numbers. */
#include "http/internal.h"

#include "base/mem.h"
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct code_count {
	struct code_count *next;
	const char *method; /* static text */
	int status;
	struct wb_counter *counter;
};

struct row {
	const char *path;
	struct wb_histogram *seconds;
	struct code_count *codes;
};

struct wb_http_stats {
	const struct wb_http_route *routes;
	size_t n_routes;
	struct row rows[]; /* one per route, and one for no route */
};

struct wb_http_stats *
wb_http_stats_new(const struct wb_http_route *routes)
{
	struct wb_http_stats *stats;
	char labels[256];
	size_t i, n = 0;

	while (routes[n].method != NULL)
		n++;
	stats = wb_zalloc(sizeof(*stats) + (n + 1) * sizeof(stats->rows[0]));
	stats->routes = routes;
	stats->n_routes = n;
	for (i = 0; i < n; i++) {
		stats->rows[i].path = routes[i].path;
		(void)snprintf(labels, sizeof(labels), "route=\"%s\"",
		               routes[i].path);
		stats->rows[i].seconds = wb_histogram(
		    "wb_http_request_seconds", labels,
		    "From the arrival of a whole request to its answer.");
	}
	stats->rows[n].path = "";
	return stats;
}

void
wb_http_stats_free(struct wb_http_stats *stats)
{
	size_t i;

	if (stats == NULL)
		return;
	for (i = 0; i <= stats->n_routes; i++) {
		struct code_count *count = stats->rows[i].codes;

		while (count != NULL) {
			struct code_count *next = count->next;

			free(count);
			count = next;
		}
	}
	free(stats);
}

static struct code_count *
find_count(struct row *row, const char *method, int status)
{
	struct code_count *count;
	char labels[384];

	for (count = row->codes; count != NULL; count = count->next) {
		if (count->status == status &&
		    strcmp(count->method, method) == 0)
			return count;
	}
	(void)snprintf(labels, sizeof(labels),
	               "route=\"%s\",method=\"%s\",code=\"%d\"", row->path,
	               method, status);
	count = wb_zalloc(sizeof(*count));
	count->method = method;
	count->status = status;
	count->counter = wb_counter("wb_http_requests_total", labels,
	                            "Requests answered; route=\"\" where no "
	                            "route matched.");
	count->next = row->codes;
	row->codes = count;
	return count;
}

void
wb_http_stats_count(struct wb_http_stats *stats,
                    const struct wb_http_route *route, const char *method,
                    int status, int64_t us)
{
	size_t index =
	    route == NULL ? stats->n_routes : (size_t)(route - stats->routes);
	struct row *row = &stats->rows[index];

	wb_counter_add(find_count(row, method, status)->counter, 1);
	if (row->seconds != NULL)
		wb_histogram_add_us(row->seconds, us);
}
