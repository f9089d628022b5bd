/* One dead letter by its id. */
#ifndef WB_CLI_DLQ_FIND_H
#define WB_CLI_DLQ_FIND_H

#include "cli.h"
#include "filter.h"

/* A copy (free() gives it back) of the letter that the filter's one_id names.
 * FAILED with a note: there is none; or there are several, in the queues of
 * different consumers, and --consumer must tell which. */
enum wb_err wb_dlq_find(struct wb_cli *cli, const struct wb_filter *filter,
                        struct wb_letter **ret_letter,
                        struct wb_note *note) WB_MUST_USE;

#endif
