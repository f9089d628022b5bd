/* What came of mails on its way into the database: collected while a
 * transaction runs, recorded by the next one. */
#ifndef WB_NOTIFICATIONS_RECORD_H
#define WB_NOTIFICATIONS_RECORD_H

#include "http/smtp.h"
#include "pg/pg.h"

struct record;

void record_free(struct record *record);
struct record *record_new(int64_t max_deferrals) WB_OWNED_BY(record_free);

/* nth: which try it was. retry_ms: when it is due again if the answer decides
 * nothing. Copied. */
void record_add(struct record *record, const struct wb_uuid *event_id,
                int64_t nth, const struct wb_smtp_answer *answer,
                int64_t retry_ms);

/* Nothing collected and nothing in flight. */
bool record_is_empty(const struct record *record);

/* Records what was collected so far; pg must be idle. done is called when that
 * is over. If it fails done is not called, and everything is kept for the next
 * run: it may be recorded twice, which changes nothing. */
void record_run(struct record *record, struct wb_pg *pg, wb_loop_fn done,
                void *arg);

#endif
