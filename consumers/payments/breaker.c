/* A circuit breaker. */
#include "breaker.h"

#include "base/log.h"

static const char *const names[] = {
#define X(name) #name,
	BREAKER_TABLE(X)
#undef X
};

static void
enter(struct breaker *breaker, enum breaker_state to)
{
	wb_log_warn(WB_LOG_PAYMENT, "breaker=%s was=%s failures=%lld",
	            names[to], names[breaker->state],
	            (long long)breaker->failures);
	breaker->state = to;
	breaker->is_probing = false;
	wb_gauge_set(breaker->gauge, (double)to);
}

void
breaker_init(struct breaker *breaker, int64_t threshold, int64_t open_ms)
{
	*breaker = (struct breaker){
		.threshold = threshold,
		.open_ms = open_ms,
		.state = BREAKER_CLOSED,
		.gauge = wb_gauge("wb_provider_breaker_state", "",
		                  "0 closed, 1 open, 2 half open."),
	};
}

int64_t
breaker_allow(struct breaker *breaker, int64_t want, int64_t now_us)
{
	if (breaker->state == BREAKER_OPEN &&
	    now_us - breaker->opened_us >= breaker->open_ms * 1000)
		enter(breaker, BREAKER_HALF_OPEN);
	if (breaker->state == BREAKER_CLOSED)
		return want;
	if (breaker->state == BREAKER_OPEN || breaker->is_probing)
		return 0;
	return want > 0 ? 1 : 0;
}

void
breaker_begun(struct breaker *breaker, int64_t n)
{
	if (breaker->state == BREAKER_HALF_OPEN && n > 0)
		breaker->is_probing = true;
}

void
breaker_ended(struct breaker *breaker, bool is_ok, int64_t now_us)
{
	breaker->failures = is_ok ? 0 : breaker->failures + 1;
	if (is_ok && breaker->state == BREAKER_HALF_OPEN)
		enter(breaker, BREAKER_CLOSED);
	if (is_ok || breaker->state == BREAKER_OPEN)
		return;
	if (breaker->state == BREAKER_HALF_OPEN ||
	    breaker->failures >= breaker->threshold) {
		breaker->opened_us = now_us;
		enter(breaker, BREAKER_OPEN);
	}
}
