/* The charger: claim → call → settle. */
#include "charger.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "breaker.h"
#include "settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct charger_params {
	char *provider_url;
	int64_t max_calls;
	int64_t call_deadline_ms;
	int64_t poll_ms;
	int64_t retry_base_ms;
	int64_t retry_cap_ms;
	int64_t max_refusals;
	struct breaker_params breaker;
} params;

#define FIELD(name) offsetof(struct charger_params, name)
static const struct wb_param param_table[] = {
	{ "provider-url", WB_PARAM_TEXT, FIELD(provider_url),
	  "http://127.0.0.1:9400", 1, 400, "", "the payment provider" },
	{ "max-calls", WB_PARAM_INT, FIELD(max_calls), "64", 1, 1000, "calls",
	  "most calls to the provider at a time" },
	{ "call-deadline-ms", WB_PARAM_INT, FIELD(call_deadline_ms), "5000", 10,
	  600000, "ms", "for the provider's whole answer" },
	{ "charge-poll-ms", WB_PARAM_INT, FIELD(poll_ms), "500", 10, 60000,
	  "ms", "how often to look for calls that are due again" },
	{ "charge-retry-base-ms", WB_PARAM_INT, FIELD(retry_base_ms), "500", 1,
	  600000, "ms",
	  "longest wait before a call of unknown outcome is repeated; then "
	  "doubled; each wait is a uniform pick between 0 and that" },
	{ "charge-retry-cap-ms", WB_PARAM_INT, FIELD(retry_cap_ms), "30000", 1,
	  86400000, "ms", "longest such wait" },
	{ "max-refusals", WB_PARAM_INT, FIELD(max_refusals), "5", 1, 1000000,
	  "calls",
	  "refusals (400, 422) of one payment's call after which a charge "
	  "counts as declined, and a refund is parked for an operator" },
	{ "breaker-calls", WB_PARAM_INT, FIELD(breaker.calls), "20", 1,
	  BREAKER_MOST_CALLS, "calls",
	  "the circuit breaker looks at so many last calls that are no "
	  "repeats" },
	{ "breaker-failure-percent", WB_PARAM_INT,
	  FIELD(breaker.failure_percent), "50", 1, 100, "%",
	  "share of them without an answer (or with 5xx, or one that decides "
	  "nothing) that stops the calls for a while" },
	{ "breaker-open-ms", WB_PARAM_INT, FIELD(breaker.open_ms), "5000", 10,
	  600000, "ms", "how long they stop" },
	{ "breaker-probes", WB_PARAM_INT, FIELD(breaker.probes), "3", 1, 1000,
	  "calls",
	  "calls that must succeed then, one at a time, before all are made "
	  "again" },
};
#undef FIELD

static const struct wb_param_set param_set = {
	.params = param_table,
	.n_params = WB_ARRAY_LEN(param_table),
	.target = &params,
};

/* Longer than any call: nobody else may take a wish over before. */
enum { LEASE_MARGIN_MS = 5000 };

static struct {
	struct wb_claims *claims;
	struct wb_pg_args *args; /* empty */
	struct wb_http_client *http;
	struct wb_backoff retry;
	struct breaker breaker;
	struct wb_counter *outcomes[PROVIDER_OUTCOMES];
	struct wb_histogram *seconds;
	struct wb_gauge *waiting, *oldest_s, *parked;
} charger;

static const struct wb_pg_stmt claim_stmt = {
	.name = "claim_payments",
	.sql = "SELECT * FROM claim_payments($1::int, $2::bigint)",
};

static const struct wb_pg_stmt count_stmt = {
	.name = "count_payments",
	.sql = "SELECT * FROM count_payments()",
};

/* Between two looks at how the wishes are doing. */
enum { COUNT_MS = 5000 };

static void
read_claim(const struct wb_pg_result *result, size_t row,
           struct wb_claim *claim)
{
	struct call *call = (struct call *)claim;

	call->order_id = wb_pg_uuid(result, row, 0);
	call->is_refund = strcmp(wb_pg_text(result, row, 1), "REFUNDING") == 0;
	call->amount_minor = wb_pg_i64(result, row, 2);
	call->currency = wb_strdup(wb_pg_text(result, row, 3));
	call->method = wb_strdup(wb_pg_text(result, row, 4));
	call->n_calls = wb_pg_i64(result, row, 5);
}

static void
call_fini(struct wb_claim *claim)
{
	struct call *call = (struct call *)claim;

	free(call->currency);
	free(call->method);
}

static void
log_failure(const struct call *call)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_log_warn(WB_LOG_PAYMENT, "order=%s outcome=%s call=%lld why=\"%s\"",
	            wb_uuid_format(&call->order_id, id),
	            provider_outcome_name(call->answer.outcome),
	            (long long)call->n_calls, call->answer.detail);
}

static void
on_answer(const struct wb_http_response *response, void *arg)
{
	struct call *call = arg;
	struct provider_answer *answer = &call->answer;
	int64_t now_us = wb_mono_us();

	WB_CRASH_POINT("charger.after_call");
	provider_read(response, call->is_refund, answer);
	if (answer->outcome == PROVIDER_UNKNOWN ||
	    answer->outcome == PROVIDER_REFUSED)
		log_failure(call);
	breaker_ended(&charger.breaker, call->era, call->n_calls == 1,
	              answer->outcome != PROVIDER_UNKNOWN, now_us);
	wb_counter_add(charger.outcomes[answer->outcome], 1);
	wb_histogram_add_us(charger.seconds, now_us - call->begun_us);
	call->retry_ms =
	    wb_backoff_ms(&charger.retry, (unsigned)call->n_calls - 1);
	wb_claims_end(charger.claims, &call->claim);
}

static void
begin(struct wb_claim *claim)
{
	struct call *call = (struct call *)claim;

	call->era = breaker_begun(&charger.breaker);
	call->begun_us = wb_mono_us();
	provider_send(charger.http, params.provider_url,
	              &(struct provider_call){
	                  .order_id = call->order_id,
	                  .is_refund = call->is_refund,
	                  .amount_minor = call->amount_minor,
	                  .currency = call->currency,
	                  .method = call->method,
	                  .deadline_ms = params.call_deadline_ms,
	              },
	              on_answer, call);
}

static int64_t
allow(int64_t room)
{
	return breaker_allow(&charger.breaker, room, wb_mono_us());
}

static void
on_counted(const struct wb_pg_result *result, void *arg)
{
	(void)arg;
	wb_gauge_set(charger.waiting, (double)wb_pg_i64(result, 0, 0));
	wb_gauge_set(charger.oldest_s, (double)wb_pg_i64(result, 0, 1));
	wb_gauge_set(charger.parked, (double)wb_pg_i64(result, 0, 2));
}

static void
count(struct wb_tx *tx)
{
	wb_pg_args_clear(charger.args);
	wb_tx_query(tx, &count_stmt, charger.args, on_counted, NULL);
	wb_tx_commit(tx);
}

static const struct wb_claims_ops ops = {
	.claim = &claim_stmt,
	.claim_bytes = sizeof(struct call),
	.read = read_claim,
	.allow = allow,
	.begin = begin,
	.record = settle_record,
	.fini = call_fini,
	.upkeep = count,
};

static void
make_metrics(void)
{
	for (int o = 0; o < PROVIDER_OUTCOMES; o++) {
		char labels[48];

		(void)snprintf(labels, sizeof(labels), "outcome=\"%s\"",
		               provider_outcome_name((enum provider_outcome)o));
		charger.outcomes[o] =
		    wb_counter("wb_provider_calls_total", labels,
		               "Calls to the payment provider.");
	}
	charger.seconds = wb_histogram("wb_provider_call_seconds", "",
	                               "How long the provider took.");
	charger.waiting = wb_gauge("wb_payments_waiting", "",
	                           "Charges and refunds without an outcome.");
	charger.oldest_s = wb_gauge("wb_payments_oldest_seconds", "",
	                            "Since the oldest of them was wished for.");
	charger.parked = wb_gauge("wb_payments_parked", "",
	                          "Refunds that the provider refuses: somebody "
	                          "has to act (see the view payments_parked).");
}

static enum wb_err
start(struct wb_loop *loop, const struct wb_pg_params *pg, struct wb_note *note)
{
	(void)note;
	make_metrics();
	charger.retry = (struct wb_backoff){
		.base_ms = params.retry_base_ms,
		.factor = 2,
		.cap_ms = params.retry_cap_ms,
	};
	breaker_init(&charger.breaker, &params.breaker);
	charger.args = wb_pg_args_new();
	settle_init(params.max_refusals);
	charger.http = wb_http_client_new(loop);
	charger.claims = wb_claims_new(
	    loop, &ops,
	    &(struct wb_claims_config){
	        .max_calls = params.max_calls,
	        .lease_ms = params.call_deadline_ms + LEASE_MARGIN_MS,
	        .poll_ms = params.poll_ms,
	        .upkeep_ms = COUNT_MS,
	    },
	    pg);
	return WB_OK;
}

static void
on_committed(void *unused)
{
	(void)unused;
	wb_claims_wake(charger.claims);
}

static void
drain(wb_loop_fn done, void *arg)
{
	wb_claims_drain(charger.claims, done, arg);
}

static void
stop(void)
{
	wb_http_client_free(charger.http);
	wb_claims_free(charger.claims);
	wb_pg_args_free(charger.args);
	settle_fini();
}

const struct wb_side_job payments_charger = {
	.params = &param_set,
	.n_params = 1,
	.start = start,
	.on_committed = on_committed,
	.drain = drain,
	.stop = stop,
};
