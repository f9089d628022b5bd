/* What becomes of rows that the broker refused, and writing down what became of
 * a batch of deliveries. */
#ifndef RELAY_MARK_H
#define RELAY_MARK_H

#include "claim.h"

/* The row failed in itself. */
bool mark_is_refused(const struct row *row);

/* Of a refused row: ms until its next try, or -1: it is parked, after
 * max-attempts or since it can never be published. Logs it. */
int64_t mark_wait_ms(const struct slot_kind *kind, const struct claim *claim,
                     const struct row *row);

/* Why it was refused. */
const char *mark_reason(const struct row *row);

/* slot_kind.mark of deliveries: LEFT ones stay as they were. */
void mark_deliveries(struct claim *claim, struct wb_tx *tx);

#endif
