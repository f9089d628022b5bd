/* Outcomes of provider calls on their way into the database. */
#include "settle.h"

#include "base/buf.h"
#include "base/crash.h"
#include "base/log.h"
#include "saga/outbox.h"
#include "shop/events.h"

#include <string.h>

static struct {
	int64_t max_refusals;
	struct wb_tx *tx; /* in flight */
	struct wb_pg_args *args;
	struct wb_outbox *outbox;
} settle;

static const struct wb_pg_stmt stmt = {
	.name = "settle_payments",
	.sql = "SELECT * FROM settle_payments($1::uuid[], $2::text[], "
	       "$3::text[], $4::text[], $5::bigint[], $6::bigint)",
};

void
settle_init(int64_t max_refusals)
{
	settle.max_refusals = max_refusals;
	settle.args = wb_pg_args_new();
	settle.outbox = wb_outbox_new();
}

void
settle_fini(void)
{
	wb_pg_args_free(settle.args);
	wb_outbox_free(settle.outbox);
}

static const char *
text_or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

static void
bind(const struct wb_claim *first, size_t n)
{
	struct wb_pg_args *args = settle.args;
	size_t id, outcome, reference, detail, retry;

	wb_pg_args_clear(args);
	id = wb_pg_arg_array(args, WB_PG_UUID);
	outcome = wb_pg_arg_array(args, WB_PG_TEXT);
	reference = wb_pg_arg_array(args, WB_PG_TEXT);
	detail = wb_pg_arg_array(args, WB_PG_TEXT);
	retry = wb_pg_arg_array(args, WB_PG_INT8);
	for (const struct wb_claim *at = first; n > 0; at = at->next, n--) {
		const struct call *call = (const struct call *)at;

		wb_pg_elem_uuid(args, id, &call->order_id);
		wb_pg_elem_text(args, outcome,
		                provider_outcome_name(call->answer.outcome));
		wb_pg_elem_text(args, reference,
		                text_or_null(call->answer.reference));
		wb_pg_elem_text(args, detail, call->answer.detail);
		wb_pg_elem_i64(args, retry, call->retry_ms);
	}
	wb_pg_arg_i64(args, settle.max_refusals);
}

static const struct wb_event_type *
event_of(const char *status)
{
	static const struct {
		const char *status;
		const struct wb_event_type *type;
	} table[] = {
		{ "CAPTURED", &shop_payment_captured },
		{ "DECLINED", &shop_payment_declined },
		{ "VOIDED", &shop_payment_voided },
		{ "REFUNDED", &shop_payment_refunded },
	};
	size_t i = 0;

	while (i < WB_ARRAY_LEN(table) && strcmp(table[i].status, status) != 0)
		i++;
	WB_ASSERT(i < WB_ARRAY_LEN(table));
	return table[i].type;
}

enum {
	ORDER_ID,
	STATUS,
	SEQUENCE,
	SNAPSHOT,
	BESIDE,
	CAUSED_BY,
	TRACEPARENT,
	DETAIL,
};

static void
on_settled(const struct wb_pg_result *result, void *arg)
{
	struct wb_buf data = { 0 };

	(void)arg;
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		const char *order_id = wb_pg_text(result, row, ORDER_ID);
		const char *status = wb_pg_text(result, row, STATUS);

		if (strcmp(status, "PARKED") == 0) {
			wb_log_error(WB_LOG_PAYMENT_PARKED,
			             "order=%s why=\"%s\"", order_id,
			             wb_pg_text(result, row, DETAIL));
			continue;
		}
		/* beside is a JSON object with at least one member. */
		wb_buf_clear(&data);
		wb_buf_printf(&data, "{\"order\":%s,%s",
		              wb_pg_text(result, row, SNAPSHOT),
		              wb_pg_text(result, row, BESIDE) + 1);
		wb_outbox_add(
		    settle.outbox,
		    &(struct wb_outbox_event){
		        .id = wb_uuid_v7(),
		        .type = event_of(status),
		        .aggregate_id = order_id,
		        .sequence = wb_pg_i64(result, row, SEQUENCE),
		        .correlation_id = order_id,
		        .causation_id = wb_pg_text(result, row, CAUSED_BY),
		        .traceparent = wb_pg_text(result, row, TRACEPARENT),
		        .data = data.data,
		        .data_bytes = data.len,
		    });
	}
	wb_buf_fini(&data);
	wb_outbox_write(settle.outbox, settle.tx);
	WB_CRASH_POINT("charger.before_settle");
	wb_tx_commit(settle.tx);
}

void
settle_record(struct wb_tx *tx, const struct wb_claim *first, size_t n)
{
	settle.tx = tx;
	wb_outbox_clear(settle.outbox);
	bind(first, n);
	wb_tx_query(tx, &stmt, settle.args, on_settled, NULL);
	wb_tx_flush(tx);
}
