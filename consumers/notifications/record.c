/* What came of mails on its way into the database. */
#include "record.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/metrics.h"

static struct {
	int64_t max_deferrals;
	struct wb_pg_args *args;
	struct wb_counter *failed;
} record;

static const struct wb_pg_stmt stmt = {
	.name = "record_mails",
	.sql = "SELECT * FROM record_mails($1::uuid[], $2::int[], $3::text[], "
	       "$4::text[], $5::bigint[], $6::bigint)",
};

void
record_init(int64_t max_deferrals)
{
	record.max_deferrals = max_deferrals;
	record.args = wb_pg_args_new();
	record.failed = wb_counter("wb_mails_failed_total", "",
	                           "Mails that were given up.");
}

void
record_fini(void)
{
	wb_pg_args_free(record.args);
}

static void
bind(const struct wb_claim *first, size_t n)
{
	struct wb_pg_args *args = record.args;
	size_t id, nth, outcome, answer, retry;

	wb_pg_args_clear(args);
	id = wb_pg_arg_array(args, WB_PG_UUID);
	nth = wb_pg_arg_array(args, WB_PG_INT4);
	outcome = wb_pg_arg_array(args, WB_PG_TEXT);
	answer = wb_pg_arg_array(args, WB_PG_TEXT);
	retry = wb_pg_arg_array(args, WB_PG_INT8);
	for (const struct wb_claim *at = first; n > 0; at = at->next, n--) {
		const struct parcel *parcel = (const struct parcel *)at;

		wb_pg_elem_uuid(args, id, &parcel->event_id);
		wb_pg_elem_i32(args, nth, (int32_t)parcel->nth);
		wb_pg_elem_text(args, outcome,
		                wb_smtp_outcome_name(parcel->outcome));
		wb_pg_elem_text(args, answer, parcel->answer);
		wb_pg_elem_i64(args, retry, parcel->retry_ms);
	}
	wb_pg_arg_i64(args, record.max_deferrals);
}

enum { EVENT_ID, ORDER_ID, ANSWER };

static void
on_recorded(const struct wb_pg_result *result, void *arg)
{
	size_t n = wb_pg_rows(result);

	(void)arg;
	for (size_t row = 0; row < n; row++)
		wb_log_warn(WB_LOG_MAIL, "order=%s event=%s why=\"%s\"",
		            wb_pg_text(result, row, ORDER_ID),
		            wb_pg_text(result, row, EVENT_ID),
		            wb_pg_text(result, row, ANSWER));
	wb_counter_add(record.failed, n);
}

void
record_write(struct wb_tx *tx, const struct wb_claim *first, size_t n)
{
	bind(first, n);
	WB_CRASH_POINT("mailer.before_record");
	wb_tx_query(tx, &stmt, record.args, on_recorded, NULL);
	wb_tx_commit(tx);
}
