/* The payment provider's HTTP interface: what is sent, and what its answers
 * mean. Every call carries an Idempotency-Key, so that an unknown outcome is
 * resolved by the same call again, never by guessing. */
#ifndef WB_PAYMENTS_PROVIDER_H
#define WB_PAYMENTS_PROVIDER_H

#include <stdint.h>

#include "base/uuid.h"
#include "http/client.h"

enum provider_outcome {
	PROVIDER_UNKNOWN, /* no answer, or one that decides nothing */
	PROVIDER_CAPTURED,
	PROVIDER_DECLINED,
	PROVIDER_REFUNDED,
	PROVIDER_REFUSED, /* it finds fault with this very call (400, 422), and
	                     will again */
	PROVIDER_OUTCOMES
};

/* "CAPTURED": as settle_payments() takes it. */
const char *provider_outcome_name(enum provider_outcome outcome);

struct provider_call {
	struct wb_uuid order_id; /* the key; a refund's ends in "-refund" */
	bool is_refund;
	int64_t amount_minor;
	const char *currency;
	const char *method;
	int64_t deadline_ms;
};

/* Texts are valid UTF-8, cut where they are too long. */
#define PROVIDER_TEXT_BYTES 128
struct provider_answer {
	enum provider_outcome outcome;
	char reference[PROVIDER_TEXT_BYTES]; /* the provider's id; a charge that
	                                        was captured has one */
	char detail[PROVIDER_TEXT_BYTES];    /* why not, in words */
};

/* base_url without a slash at the end. fn gets the raw response: give it to
 * provider_read. */
void provider_send(struct wb_http_client *client, const char *base_url,
                   const struct provider_call *call, wb_http_response_fn fn,
                   void *arg);

void provider_read(const struct wb_http_response *response, bool is_refund,
                   struct provider_answer *ret_answer);

#endif
