/* Writing down what became of a batch of events, in the transaction that
 * claimed it: cursors move on, and what they pass unpublished is held. */
#ifndef RELAY_HOLD_H
#define RELAY_HOLD_H

#include "claim.h"

/* slot_kind.mark of events. */
void hold_batch(struct claim *claim, struct wb_tx *tx);

#endif
