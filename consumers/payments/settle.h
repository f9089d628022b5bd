/* Outcomes of provider calls on their way into the database: collected while a
 * transaction runs, then recorded together with their events by the next
 * one. */
#ifndef WB_PAYMENTS_SETTLE_H
#define WB_PAYMENTS_SETTLE_H

#include "loop/loop.h"
#include "pg/pg.h"
#include "provider.h"

struct settle;

void settle_free(struct settle *settle);
struct settle *settle_new(void) WB_OWNED_BY(settle_free);

/* retry_ms: when the call is due again if the outcome is UNKNOWN. Copied. */
void settle_add(struct settle *settle, const struct wb_uuid *order_id,
                const struct provider_answer *answer, int64_t retry_ms);

/* Nothing collected and nothing in flight. */
bool settle_is_empty(const struct settle *settle);

/* Records everything collected so far; pg must be idle. done is called when
 * that is over. If it fails done is not called, and everything is kept for the
 * next run. */
void settle_run(struct settle *settle, struct wb_pg *pg, wb_loop_fn done,
                void *arg);

#endif
