/* What came of mails on its way into the database. */
#include "record.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>

/* More wait for the next transaction. */
enum { BATCH = 500, TEXT_BYTES = 256 };

struct entry {
	struct entry *next;
	struct wb_uuid event_id;
	int64_t nth;
	enum wb_smtp_outcome outcome;
	char text[TEXT_BYTES];
	int64_t retry_ms;
};

struct record {
	struct entry *first, **end;
	size_t n_sent; /* of the list, in the transaction in flight */
	int64_t max_deferrals;
	struct wb_pg_args *args;
	struct wb_counter *failed;
	wb_loop_fn done;
	void *done_arg;
};

static const struct wb_pg_stmt stmt = {
	.name = "record_mails",
	.sql = "SELECT * FROM record_mails($1::uuid[], $2::int[], $3::text[], "
	       "$4::text[], $5::bigint[], $6::bigint)",
};

struct record *
record_new(int64_t max_deferrals)
{
	struct record *record = wb_zalloc(sizeof(*record));

	record->end = &record->first;
	record->max_deferrals = max_deferrals;
	record->args = wb_pg_args_new();
	record->failed = wb_counter("wb_mails_failed_total", "",
	                            "Mails that were given up.");
	return record;
}

static void
drop_first(struct record *record)
{
	struct entry *entry = record->first;

	record->first = entry->next;
	if (record->first == NULL)
		record->end = &record->first;
	free(entry);
}

void
record_free(struct record *record)
{
	if (record == NULL)
		return;
	while (record->first != NULL)
		drop_first(record);
	wb_pg_args_free(record->args);
	free(record);
}

void
record_add(struct record *record, const struct wb_uuid *event_id, int64_t nth,
           const struct wb_smtp_answer *answer, int64_t retry_ms)
{
	struct entry *entry = wb_zalloc(sizeof(*entry));

	entry->event_id = *event_id;
	entry->nth = nth;
	entry->outcome = answer->outcome;
	(void)snprintf(entry->text, sizeof(entry->text), "%s", answer->text);
	entry->retry_ms = retry_ms;
	*record->end = entry;
	record->end = &entry->next;
}

bool
record_is_empty(const struct record *record)
{
	return record->first == NULL;
}

static void
bind(struct record *record)
{
	struct wb_pg_args *args = record->args;
	size_t id, nth, outcome, text, retry;

	wb_pg_args_clear(args);
	id = wb_pg_arg_array(args, WB_PG_UUID);
	nth = wb_pg_arg_array(args, WB_PG_INT4);
	outcome = wb_pg_arg_array(args, WB_PG_TEXT);
	text = wb_pg_arg_array(args, WB_PG_TEXT);
	retry = wb_pg_arg_array(args, WB_PG_INT8);
	record->n_sent = 0;
	for (const struct entry *e = record->first;
	     e != NULL && record->n_sent < BATCH; e = e->next) {
		wb_pg_elem_uuid(args, id, &e->event_id);
		wb_pg_elem_i32(args, nth, (int32_t)e->nth);
		wb_pg_elem_text(args, outcome,
		                wb_smtp_outcome_name(e->outcome));
		wb_pg_elem_text(args, text, e->text);
		wb_pg_elem_i64(args, retry, e->retry_ms);
		record->n_sent++;
	}
	wb_pg_arg_i64(args, record->max_deferrals);
}

enum { EVENT_ID, ORDER_ID, ANSWER };

static void
on_recorded(const struct wb_pg_result *result, void *arg)
{
	struct record *record = arg;
	size_t n = wb_pg_rows(result);

	for (size_t row = 0; row < n; row++)
		wb_log_warn(WB_LOG_MAIL, "order=%s event=%s why=\"%s\"",
		            wb_pg_text(result, row, ORDER_ID),
		            wb_pg_text(result, row, EVENT_ID),
		            wb_pg_text(result, row, ANSWER));
	wb_counter_add(record->failed, n);
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct record *record = arg;

	if (outcome->end != WB_TX_COMMITTED) {
		wb_log_warn(WB_LOG_PG_ERROR, "stmt=%s sqlstate=%s why=\"%s\"",
		            outcome->stmt, outcome->sqlstate, outcome->message);
		return;
	}
	while (record->n_sent-- > 0)
		drop_first(record);
	record->done(record->done_arg);
}

void
record_run(struct record *record, struct wb_pg *pg, wb_loop_fn done, void *arg)
{
	struct wb_tx *tx;

	record->done = done;
	record->done_arg = arg;
	bind(record);
	WB_CRASH_POINT("mailer.before_record");
	tx = wb_tx_begin(pg, on_done, record);
	wb_tx_query(tx, &stmt, record->args, on_recorded, record);
	wb_tx_commit(tx);
}
