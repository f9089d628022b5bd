/* What came of mails on its way into the database. */
#ifndef WB_NOTIFICATIONS_RECORD_H
#define WB_NOTIFICATIONS_RECORD_H

#include "parcel.h"

/* max_deferrals: answers of "not now" after which a mail is given up. */
void record_init(int64_t max_deferrals);
void record_fini(void);

/* Of wb_claims_ops: records n parcels, and commits. Recorded twice, the second
 * time changes nothing. */
void record_write(struct wb_tx *tx, const struct wb_claim *first, size_t n);

#endif
