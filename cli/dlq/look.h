/* Looking at dead-letter queues, one after the other; see reader.h for why that
 * changes nothing. */
#ifndef WB_CLI_DLQ_LOOK_H
#define WB_CLI_DLQ_LOOK_H

#include <stddef.h>

#include "cli.h"
#include "letter.h"

struct wb_look;

/* Waits until the broker has everything back. NULL is fine. */
void wb_look_close(struct wb_look *look);

/* Connects; --wait-ms at most. */
enum wb_err wb_look_open(struct wb_cli *cli, struct wb_look **ret_look,
                         struct wb_note *note) WB_MUST_USE;

struct wb_amqp *wb_look_amqp(struct wb_look *look);

struct wb_look_counts {
	size_t messages; /* that were there */
	size_t others;   /* consumers that read the queue too, and may hold some
	                    that can't be seen from here */
};

typedef void (*wb_look_fn)(void *arg, const struct wb_letter *letter);

/* Calls fn for every letter of that consumer's dead-letter queue. Runs the
 * loop. The queue stays as it was. Says on stderr what could not be seen. */
enum wb_err wb_look_read(struct wb_look *look, const char *consumer,
                         wb_look_fn fn, void *arg,
                         struct wb_look_counts *ret_counts,
                         struct wb_note *note) WB_MUST_USE;

#endif
