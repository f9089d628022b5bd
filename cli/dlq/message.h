/* What a dead letter becomes when it is sent back to its consumer. */
#ifndef WB_CLI_DLQ_MESSAGE_H
#define WB_CLI_DLQ_MESSAGE_H

#include "amqp/amqp.h"
#include "base/arena.h"
#include "journal.h"
#include "letter.h"

/* The same message, for the consumer's own queue: its id is kept, the broker's
 * headers about its death are not, and it tells which job sends it, how often
 * it has been sent by one, and who did it. waybill-attempts stays: by it (and
 * by the job) the consumer knows that it gets one attempt. Lives in the arena;
 * texts and body are borrowed from the letter. */
struct wb_amqp_message wb_dlq_message(const struct wb_letter *letter,
                                      const struct wb_uuid *event_id,
                                      const struct wb_job_row *job,
                                      struct wb_arena *arena);

#endif
