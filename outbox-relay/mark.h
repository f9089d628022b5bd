/* Writing down what became of a batch, in the transaction that claimed it. */
#ifndef RELAY_MARK_H
#define RELAY_MARK_H

#include "claim.h"

/* Adds the UPDATEs for all rows that have an end; LEFT ones stay as they were.
 * A refused row is due again after back-off, or parked: after max-attempts, or
 * at once when it can never be published. Logs what is refused. */
void mark_batch(const struct slot_kind *kind, struct claim *claim,
                struct wb_tx *tx);

#endif
