/* A job: takes a frozen selection of one consumer's dead letters through
 * replay, an edited replay, or the way out, and leaves a journal.
 *
 * What makes it safe, in this order:
 *   1. the job and its items are committed to the journal
 *   2. a letter is published to its consumer's queue, and confirmed
 *   3. the item is marked in the journal (sent_at), committed
 *   4. the letter is acknowledged, so that the dead-letter queue forgets it
 * A job that is killed between 2 and 3 sends the message again when it is
 * resumed; the consumer's inbox folds the two, and their dead letters have the
 * same key. Killed between 3 and 4, the letter is only acknowledged. So nothing
 * is lost, and nothing takes effect twice. */
#ifndef WB_CLI_DLQ_JOB_H
#define WB_CLI_DLQ_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "filter.h"
#include "journal.h"

struct wb_job_wish {
	struct wb_job_row row; /* without its name, which the job gets */
	const struct wb_filter *filter;
	const char *edited; /* WB_JOB_EDIT: the new body */
	size_t edited_bytes;
	struct wb_uuid edited_id; /* of the event in it */
	int64_t verdict_ms;       /* longest wait for the next verdict */
	int64_t memory_bytes;
};

/* How a job, or this part of it, ended. */
struct wb_job_report {
	char name[WB_JOB_NAME_BYTES];
	char status[16]; /* "done", "paused"; "" = nothing was selected */
	struct wb_note why;
	size_t selected, sent, handled, failed, gone, pending;
	size_t n_sent_now; /* of them, by this process */
	int64_t sending_us;
	bool was_interrupted; /* by SIGINT or SIGTERM: no other is to begin */
};

/* Selects and goes on until all is done, it is paused (SIGINT, SIGTERM), or it
 * stops by itself; then the report tells why. Runs the loop. An error means
 * that it could not even begin, or that the journal could not be written: the
 * report has its name if it exists. */
enum wb_err wb_job_run(struct wb_cli *cli, const struct wb_job_wish *wish,
                       struct wb_job_report *ret_report,
                       struct wb_note *note) WB_MUST_USE;

/* What a resumed job does otherwise than before. */
struct wb_job_change {
	int64_t rate;       /* -1: as before */
	int64_t stop_above; /* -2: as before */
	int64_t verdict_ms, memory_bytes;
};

/* Goes on with a job that was paused or killed. */
enum wb_err wb_job_resume(struct wb_cli *cli, const char *name,
                          const struct wb_job_change *change,
                          struct wb_job_report *ret_report,
                          struct wb_note *note) WB_MUST_USE;

/* Ends a job that is not running; what it has not sent stays where it is. */
enum wb_err wb_job_cancel(struct wb_cli *cli, const char *name,
                          struct wb_job_report *ret_report,
                          struct wb_note *note) WB_MUST_USE;

/* Looks once more what became of what was sent. */
enum wb_err wb_job_look(struct wb_cli *cli, const char *name,
                        struct wb_job_report *ret_report,
                        struct wb_note *note) WB_MUST_USE;

/* "inventory" of "inventory-20261128T210455-4f2a9c"; NULL: no such consumer. */
const char *wb_job_consumer(const char *name);

#endif
