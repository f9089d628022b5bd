/* A call to the provider, from its claim to the record of what came of it. */
#ifndef WB_PAYMENTS_CALL_H
#define WB_PAYMENTS_CALL_H

#include "provider.h"
#include "service/claims.h"

struct call {
	struct wb_claim claim;
	struct wb_uuid order_id;
	bool is_refund;
	int64_t n_calls; /* of this payment, this one included */
	int64_t amount_minor;
	char *currency;
	char *method;
	int64_t begun_us;
	unsigned era; /* of the breaker */
	struct provider_answer answer;
	int64_t retry_ms; /* when it is due again if that decides nothing */
};

#endif
