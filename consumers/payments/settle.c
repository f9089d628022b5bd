/* Outcomes of provider calls on their way into the database. */
#include "settle.h"

#include "base/buf.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "saga/outbox.h"
#include "shop/events.h"

#include <stdlib.h>
#include <string.h>

/* More wait for the next transaction. */
enum { BATCH = 500 };

struct entry {
	struct entry *next;
	struct wb_uuid order_id;
	struct provider_answer answer;
	int64_t retry_ms;
};

struct settle {
	struct entry *first, **end;
	size_t n;         /* in the list */
	size_t n_sent;    /* of these, in the transaction in flight */
	struct wb_tx *tx; /* or NULL */
	struct wb_pg_args *args;
	struct wb_outbox *outbox;
	wb_loop_fn done;
	void *done_arg;
};

static const struct wb_pg_stmt stmt = {
	.name = "settle_payments",
	.sql = "SELECT * FROM settle_payments($1::uuid[], $2::text[], "
	       "$3::text[], $4::text[], $5::bigint[])",
};

struct settle *
settle_new(void)
{
	struct settle *settle = wb_zalloc(sizeof(*settle));

	settle->end = &settle->first;
	settle->args = wb_pg_args_new();
	settle->outbox = wb_outbox_new();
	return settle;
}

static void
drop(struct settle *settle, size_t n)
{
	while (n-- > 0) {
		struct entry *entry = settle->first;

		settle->first = entry->next;
		settle->n--;
		free(entry);
	}
	if (settle->first == NULL)
		settle->end = &settle->first;
}

void
settle_free(struct settle *settle)
{
	if (settle == NULL)
		return;
	drop(settle, settle->n);
	wb_pg_args_free(settle->args);
	wb_outbox_free(settle->outbox);
	free(settle);
}

void
settle_add(struct settle *settle, const struct wb_uuid *order_id,
           const struct provider_answer *answer, int64_t retry_ms)
{
	struct entry *entry = wb_zalloc(sizeof(*entry));

	entry->order_id = *order_id;
	entry->answer = *answer;
	entry->retry_ms = retry_ms;
	*settle->end = entry;
	settle->end = &entry->next;
	settle->n++;
}

bool
settle_is_empty(const struct settle *settle)
{
	return settle->n == 0;
}

static const char *
text_or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

static void
bind(struct settle *settle)
{
	struct wb_pg_args *args = settle->args;
	size_t id, outcome, reference, detail, retry;

	wb_pg_args_clear(args);
	id = wb_pg_arg_array(args, WB_PG_UUID);
	outcome = wb_pg_arg_array(args, WB_PG_TEXT);
	reference = wb_pg_arg_array(args, WB_PG_TEXT);
	detail = wb_pg_arg_array(args, WB_PG_TEXT);
	retry = wb_pg_arg_array(args, WB_PG_INT8);
	settle->n_sent = 0;
	for (const struct entry *e = settle->first;
	     e != NULL && settle->n_sent < BATCH; e = e->next) {
		wb_pg_elem_uuid(args, id, &e->order_id);
		wb_pg_elem_text(args, outcome,
		                provider_outcome_name(e->answer.outcome));
		wb_pg_elem_text(args, reference,
		                text_or_null(e->answer.reference));
		wb_pg_elem_text(args, detail, e->answer.detail);
		wb_pg_elem_i64(args, retry, e->retry_ms);
		settle->n_sent++;
	}
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

enum { ORDER_ID, STATUS, SEQUENCE, SNAPSHOT, BESIDE, CAUSED_BY, TRACEPARENT };

static void
on_settled(const struct wb_pg_result *result, void *arg)
{
	struct settle *settle = arg;
	struct wb_buf data = { 0 };

	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		const char *order_id = wb_pg_text(result, row, ORDER_ID);

		/* beside is a JSON object with at least one member. */
		wb_buf_clear(&data);
		wb_buf_printf(&data, "{\"order\":%s,%s",
		              wb_pg_text(result, row, SNAPSHOT),
		              wb_pg_text(result, row, BESIDE) + 1);
		wb_outbox_add(
		    settle->outbox,
		    &(struct wb_outbox_event){
		        .id = wb_uuid_v7(),
		        .type = event_of(wb_pg_text(result, row, STATUS)),
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
	wb_outbox_write(settle->outbox, settle->tx);
	WB_CRASH_POINT("charger.before_settle");
	wb_tx_commit(settle->tx);
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct settle *settle = arg;

	settle->tx = NULL;
	/* Unknown counts as done: if it did not happen the call is due again
	 * when its lease has run out, with the same key. */
	if (outcome->end == WB_TX_COMMITTED || outcome->end == WB_TX_UNKNOWN) {
		drop(settle, settle->n_sent);
		settle->done(settle->done_arg);
	} else {
		wb_log_warn(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		            outcome->stmt, outcome->sqlstate, outcome->message);
	}
}

void
settle_run(struct settle *settle, struct wb_pg *pg, wb_loop_fn done, void *arg)
{
	settle->done = done;
	settle->done_arg = arg;
	wb_outbox_clear(settle->outbox);
	bind(settle);
	settle->tx = wb_tx_begin(pg, on_done, settle);
	wb_tx_query(settle->tx, &stmt, settle->args, on_settled, settle);
	wb_tx_flush(settle->tx);
}
