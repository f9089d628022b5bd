/* The charger: claim → call → settle, on one connection of its own. Outcomes
 * that arrive while a transaction runs are settled together by the next one. */
#include "charger.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "breaker.h"
#include "provider.h"
#include "settle.h"
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct charger_params {
	char *provider_url;
	int64_t max_calls;
	int64_t call_deadline_ms;
	int64_t poll_ms;
	int64_t breaker_failures;
	int64_t breaker_open_ms;
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
	{ "breaker-failures", WB_PARAM_INT, FIELD(breaker_failures), "10", 1,
	  100000, "calls",
	  "failures in a row that stop the calls for a while" },
	{ "breaker-open-ms", WB_PARAM_INT, FIELD(breaker_open_ms), "5000", 10,
	  600000, "ms", "how long they stop" },
};
#undef FIELD

static const struct wb_param_set param_set = {
	.params = param_table,
	.n_params = WB_ARRAY_LEN(param_table),
	.target = &params,
};

/* Longer than any call: nobody else may take a wish over before. */
enum { LEASE_MARGIN_MS = 5000 };

static const struct wb_backoff retry = {
	.base_ms = 500,
	.factor = 2,
	.cap_ms = 30000,
};

struct call {
	struct call *next; /* of the claim that has not committed yet */
	struct wb_uuid order_id;
	bool is_refund;
	int64_t n_calls; /* of this payment, this one included */
	int64_t amount_minor;
	char *currency;
	char *method;
	int64_t begun_us;
};

static struct {
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_http_client *http;
	struct wb_timer poll;
	struct wb_timer turn;
	struct breaker breaker;
	struct settle *settle;
	struct wb_tx *tx; /* of the claim in flight */
	struct call *claimed;
	int64_t n_asked;
	bool is_claim_wanted;
	size_t n_in_flight;
	struct wb_counter *outcomes[PROVIDER_REFUNDED + 1];
	struct wb_histogram *seconds;
	wb_loop_fn drained;
	void *drained_arg;
} charger;

static const struct wb_pg_stmt claim_stmt = {
	.name = "claim_payments",
	.sql = "SELECT * FROM claim_payments($1::int, $2::bigint)",
};

static void
call_free(struct call *call)
{
	free(call->currency);
	free(call->method);
	free(call);
}

static void
log_unknown(const struct call *call, const char *why)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_log_warn(WB_LOG_PAYMENT, "order=%s call=%lld why=\"%s\"",
	            wb_uuid_format(&call->order_id, id),
	            (long long)call->n_calls, why);
}

static void
on_answer(const struct wb_http_response *response, void *arg)
{
	struct call *call = arg;
	struct provider_answer answer;
	int64_t now_us = wb_mono_us();

	WB_CRASH_POINT("charger.after_call");
	provider_read(response, call->is_refund, &answer);
	if (answer.outcome == PROVIDER_UNKNOWN)
		log_unknown(call, answer.detail);
	breaker_ended(&charger.breaker, answer.outcome != PROVIDER_UNKNOWN,
	              now_us);
	wb_counter_add(charger.outcomes[answer.outcome], 1);
	wb_histogram_add_us(charger.seconds, now_us - call->begun_us);
	settle_add(charger.settle, &call->order_id, &answer,
	           wb_backoff_ms(&retry, (unsigned)call->n_calls));
	charger.n_in_flight--;
	call_free(call);
	wb_timer_start_ms(&charger.turn, 0);
}

static void
begin(struct call *call)
{
	charger.n_in_flight++;
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

static void
on_claimed(const struct wb_pg_result *result, void *arg)
{
	(void)arg;
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		struct call *call = wb_zalloc(sizeof(*call));

		call->order_id = wb_pg_uuid(result, row, 0);
		call->is_refund =
		    strcmp(wb_pg_text(result, row, 1), "REFUNDING") == 0;
		call->amount_minor = wb_pg_i64(result, row, 2);
		call->currency = wb_strdup(wb_pg_text(result, row, 3));
		call->method = wb_strdup(wb_pg_text(result, row, 4));
		call->n_calls = wb_pg_i64(result, row, 5);
		call->next = charger.claimed;
		charger.claimed = call;
	}
}

/* Calls begin only once the claim is durable. If that is not known they don't:
 * what was claimed is due again when its lease has run out. */
static void
on_claim_done(const struct wb_tx_outcome *outcome, void *arg)
{
	bool is_committed = outcome->end == WB_TX_COMMITTED;
	int64_t n = 0;

	(void)arg;
	charger.tx = NULL;
	while (charger.claimed != NULL) {
		struct call *call = charger.claimed;

		charger.claimed = call->next;
		n++;
		if (is_committed)
			begin(call);
		else
			call_free(call);
	}
	if (is_committed)
		breaker_begun(&charger.breaker, n);
	if (is_committed && n == charger.n_asked)
		charger.is_claim_wanted = true;
	wb_timer_start_ms(&charger.turn, 0);
}

static void
claim(int64_t n)
{
	charger.is_claim_wanted = false;
	charger.n_asked = n;
	wb_pg_args_clear(charger.args);
	wb_pg_arg_i32(charger.args, (int32_t)n);
	wb_pg_arg_i64(charger.args, params.call_deadline_ms + LEASE_MARGIN_MS);
	charger.tx = wb_tx_begin(charger.pg, on_claim_done, NULL);
	wb_tx_query(charger.tx, &claim_stmt, charger.args, on_claimed, NULL);
	wb_tx_commit(charger.tx);
}

static void
on_settled(void *arg)
{
	(void)arg;
	wb_timer_start_ms(&charger.turn, 0);
}

static bool
is_drained(void)
{
	return charger.drained != NULL && charger.tx == NULL &&
	       charger.n_in_flight == 0 && settle_is_empty(charger.settle);
}

/* The one place that begins work: outcomes first, then new calls. */
static void
on_turn(void *arg)
{
	int64_t room = params.max_calls - (int64_t)charger.n_in_flight;

	(void)arg;
	if (is_drained()) {
		charger.drained(charger.drained_arg);
		return;
	}
	if (!wb_pg_is_idle(charger.pg))
		return;
	if (!settle_is_empty(charger.settle)) {
		settle_run(charger.settle, charger.pg, on_settled, NULL);
		return;
	}
	if (!charger.is_claim_wanted || charger.drained != NULL || room <= 0)
		return;
	room = breaker_allow(&charger.breaker, room, wb_mono_us());
	if (room > 0)
		claim(room);
}

static void
on_poll(void *arg)
{
	(void)arg;
	wb_timer_start_ms(&charger.poll, params.poll_ms);
	charger.is_claim_wanted = true;
	on_turn(NULL);
}

static void
on_committed(void *unused)
{
	(void)unused;
	charger.is_claim_wanted = true;
	wb_timer_start_ms(&charger.turn, 0);
}

static void
on_ready(void *arg)
{
	on_committed(arg);
}

static void
on_lost(void *arg, const char *why)
{
	(void)arg;
	(void)why; /* lib/pg logs it; on_ready goes on */
}

static void
make_metrics(void)
{
	for (int o = PROVIDER_UNKNOWN; o <= PROVIDER_REFUNDED; o++) {
		char labels[48];

		(void)snprintf(labels, sizeof(labels), "outcome=\"%s\"",
		               provider_outcome_name((enum provider_outcome)o));
		charger.outcomes[o] =
		    wb_counter("wb_provider_calls_total", labels,
		               "Calls to the payment provider.");
	}
	charger.seconds = wb_histogram("wb_provider_call_seconds", "",
	                               "How long the provider took.");
}

static enum wb_err
start(struct wb_loop *loop, const struct wb_pg_params *pg, struct wb_note *note)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};

	(void)note;
	make_metrics();
	breaker_init(&charger.breaker, params.breaker_failures,
	             params.breaker_open_ms);
	charger.args = wb_pg_args_new();
	charger.settle = settle_new();
	charger.http = wb_http_client_new(loop);
	wb_timer_init(&charger.poll, loop, on_poll, NULL);
	wb_timer_init(&charger.turn, loop, on_turn, NULL);
	charger.pg = wb_pg_new(loop, pg, wb_service_instance(), &events, NULL);
	wb_timer_start_ms(&charger.poll, params.poll_ms);
	return WB_OK;
}

static void
drain(wb_loop_fn done, void *arg)
{
	charger.drained = done;
	charger.drained_arg = arg;
	wb_timer_start_ms(&charger.turn, 0);
}

static void
stop(void)
{
	wb_http_client_free(charger.http);
	wb_pg_free(charger.pg);
	wb_timer_fini(&charger.poll);
	wb_timer_fini(&charger.turn);
	settle_free(charger.settle);
	wb_pg_args_free(charger.args);
}

const struct wb_side_job payments_charger = {
	.params = &param_set,
	.n_params = 1,
	.start = start,
	.on_committed = on_committed,
	.drain = drain,
	.stop = stop,
};
