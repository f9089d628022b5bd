/* The verbs of `waybill dlq`: a file each. dlq.c holds their rows and
 * parameters. */
#ifndef WB_CLI_DLQ_VERBS_H
#define WB_CLI_DLQ_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "filter.h"
#include "job.h"

struct wb_dlq_look_params {
	struct wb_filter_params filter;
	int64_t limit;
};

/* What replay, edit and discard have in common. */
struct wb_dlq_job_params {
	struct wb_filter_params filter;
	char *who, *reason;
	char *resume, *cancel;
	char *schema_dir;
	bool is_dry_run;
	int64_t canary, rate, stop_above, verdict_ms, memory_mib;
};

struct wb_dlq_export_params {
	struct wb_filter_params filter;
	char *job;
};

int wb_dlq_list(struct wb_cli *cli, const void *params);
int wb_dlq_peek(struct wb_cli *cli, const void *params);
int wb_dlq_show(struct wb_cli *cli, const void *params);
int wb_dlq_replay(struct wb_cli *cli, const void *params);
int wb_dlq_edit(struct wb_cli *cli, const void *params);
int wb_dlq_discard(struct wb_cli *cli, const void *params);
int wb_dlq_export(struct wb_cli *cli, const void *params);
int wb_dlq_import(struct wb_cli *cli, const void *params);
int wb_dlq_jobs(struct wb_cli *cli, const void *params);

/* ---- common.c: what several of them need ---- */

/* Consumers whose queues the filter is about. BAD_CONFIG: one is unknown. */
struct wb_dlq_consumers {
	const char *list[16];
	size_t n;
};
enum wb_err wb_dlq_consumers(const struct wb_filter *filter,
                             struct wb_dlq_consumers *ret,
                             struct wb_note *note) WB_MUST_USE;

/* The failure groups of letters, counted; sorted by their number. */
struct wb_groups;
void wb_groups_free(struct wb_groups *groups);
struct wb_groups *wb_groups_new(void) WB_OWNED_BY(wb_groups_free);
void wb_groups_add(struct wb_groups *groups, const struct wb_letter *letter);
size_t wb_groups_count(const struct wb_groups *groups); /* of letters */
/* As the list `groups`. */
void wb_groups_print(struct wb_groups *groups, struct wb_cli *cli,
                     const char *empty);

/* Runs a new job per consumer that the filter is about, or one that exists, and
 * prints how it went. Returns the exit status. */
int wb_dlq_run_jobs(struct wb_cli *cli, const struct wb_dlq_job_params *params,
                    const struct wb_filter *filter, struct wb_job_wish *wish,
                    size_t *ret_selected);
int wb_dlq_go_on(struct wb_cli *cli, const struct wb_dlq_job_params *params);
void wb_dlq_print_report(struct wb_cli *cli,
                         const struct wb_job_report *report);

#endif
