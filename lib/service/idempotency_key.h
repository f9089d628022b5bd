/* A key from its request's arrival to the answer. Not for others than
 * idempotency*.c. */
#ifndef WB_SERVICE_IDEMPOTENCY_KEY_H
#define WB_SERVICE_IDEMPOTENCY_KEY_H

#include "base/uuid.h"
#include "service/idempotency.h"

struct wb_idem {
	struct wb_uuid id;          /* of route, caller and key */
	struct wb_uuid fingerprint; /* of path and body */
	enum wb_idem_end end;
	/* The stored answer of a REPLAY; owned. */
	int status;
	char *headers;
	char *body;
};

/* What is stored under the key becomes its end. */
void wb_idem_found(struct wb_idem *idem, const struct wb_uuid *fingerprint,
                   int status, const char *headers, const char *body);

/* Forgets what an earlier transaction found. */
void wb_idem_reset(struct wb_idem *idem);

#endif
