/* Outcomes of provider calls on their way into the database, together with
 * their events. */
#ifndef WB_PAYMENTS_SETTLE_H
#define WB_PAYMENTS_SETTLE_H

#include "call.h"

/* max_refusals: see settle_payments() in the schema. */
void settle_init(int64_t max_refusals);
void settle_fini(void);

/* Of wb_claims_ops: records n calls, and commits. Recorded twice, the second
 * time changes nothing. */
void settle_record(struct wb_tx *tx, const struct wb_claim *first, size_t n);

#endif
