/* A circuit breaker. */
#include "breaker.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
#define X(name) #name,
	BREAKER_TABLE(X)
#undef X
};

static void
forget_calls(struct breaker *breaker)
{
	memset(breaker->has_failed, 0, sizeof(breaker->has_failed));
	breaker->at = 0;
	breaker->n_calls = 0;
	breaker->n_failures = 0;
}

static void
enter(struct breaker *breaker, enum breaker_state to)
{
	if (to == BREAKER_OPEN)
		wb_log_warn(WB_LOG_BREAKER,
		            "from=%s to=%s calls=%" PRId64 " failed=%" PRId64
		            " open_ms=%" PRId64,
		            names[breaker->state], names[to], breaker->n_calls,
		            breaker->n_failures, breaker->params->open_ms);
	else
		wb_log_info(WB_LOG_BREAKER, "from=%s to=%s",
		            names[breaker->state], names[to]);
	breaker->state = to;
	breaker->era++;
	breaker->is_probing = false;
	breaker->n_passed = 0;
	forget_calls(breaker);
	wb_gauge_set(breaker->gauge, (double)to);
	wb_counter_add(breaker->moves[to], 1);
}

void
breaker_init(struct breaker *breaker, const struct breaker_params *params)
{
	*breaker = (struct breaker){
		.params = params,
		.state = BREAKER_CLOSED,
		.gauge = wb_gauge("wb_provider_breaker_state", "",
		                  "0 closed, 1 open, 2 half open."),
	};
	for (int to = 0; to < BREAKER_STATES; to++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "to=\"%s\"", names[to]);
		breaker->moves[to] =
		    wb_counter("wb_provider_breaker_moves_total", labels,
		               "Moves of the provider's circuit breaker.");
	}
}

int64_t
breaker_allow(struct breaker *breaker, int64_t want, int64_t now_us)
{
	if (breaker->state == BREAKER_OPEN &&
	    now_us - breaker->opened_us >= breaker->params->open_ms * 1000)
		enter(breaker, BREAKER_HALF_OPEN);
	if (breaker->state == BREAKER_CLOSED)
		return want;
	if (breaker->state == BREAKER_OPEN || breaker->is_probing)
		return 0;
	return want > 0 ? 1 : 0;
}

unsigned
breaker_begun(struct breaker *breaker)
{
	if (breaker->state == BREAKER_HALF_OPEN)
		breaker->is_probing = true;
	return breaker->era;
}

static void
open_it(struct breaker *breaker, int64_t now_us)
{
	breaker->opened_us = now_us;
	enter(breaker, BREAKER_OPEN);
}

static void
note_probe(struct breaker *breaker, bool is_ok, int64_t now_us)
{
	breaker->is_probing = false;
	if (!is_ok)
		open_it(breaker, now_us);
	else if (++breaker->n_passed >= breaker->params->probes)
		enter(breaker, BREAKER_CLOSED);
}

static void
note_call(struct breaker *breaker, bool is_ok, int64_t now_us)
{
	const struct breaker_params *params = breaker->params;

	if (breaker->n_calls < params->calls)
		breaker->n_calls++;
	else
		breaker->n_failures -= breaker->has_failed[breaker->at];
	breaker->has_failed[breaker->at] = !is_ok;
	breaker->n_failures += !is_ok;
	breaker->at = (breaker->at + 1) % params->calls;
	/* Of fewer calls a few failures would be many per cent. */
	if (breaker->n_calls == params->calls &&
	    breaker->n_failures * 100 >=
	        params->calls * params->failure_percent)
		open_it(breaker, now_us);
}

void
breaker_ended(struct breaker *breaker, unsigned era, bool is_first, bool is_ok,
              int64_t now_us)
{
	if (era != breaker->era)
		return;
	if (breaker->state == BREAKER_HALF_OPEN)
		note_probe(breaker, is_ok, now_us);
	else if (is_first)
		note_call(breaker, is_ok, now_us);
}
