/* A mail on its way, from its claim to the record of what came of it. */
#ifndef WB_NOTIFICATIONS_PARCEL_H
#define WB_NOTIFICATIONS_PARCEL_H

#include "base/buf.h"
#include "base/uuid.h"
#include "http/smtp.h"
#include "service/claims.h"

/* Longer answers of the mail server are cut. */
#define PARCEL_ANSWER_BYTES 256

struct parcel {
	struct wb_claim claim;
	struct wb_uuid event_id;
	int64_t nth; /* which try it is */
	char *to;
	struct wb_buf content;
	int64_t begun_us;
	enum wb_smtp_outcome outcome;
	char answer[PARCEL_ANSWER_BYTES];
	int64_t retry_ms; /* when it is due again if that decides nothing */
};

#endif
