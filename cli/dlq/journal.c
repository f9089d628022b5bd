#include "journal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
	[WB_JOB_REPLAY] = "replay",
	[WB_JOB_EDIT] = "edit",
	[WB_JOB_DISCARD] = "discard",
};

const char *
wb_job_kind_text(enum wb_job_kind kind)
{
	return kinds[kind];
}

/* A number of its own among the advisory locks of these databases. A session
 * that has the lock gets it again, so that each transaction can make sure that
 * it still is the session that has. */
const struct wb_pg_stmt wb_journal_lock = {
	.name = "dlq_lock",
	.sql = "SELECT pg_try_advisory_lock(8617204440)",
};

void
wb_journal_name(char name[WB_JOB_NAME_BYTES], const char *consumer)
{
	char time[WB_TIME_TEXT_BYTES];
	struct wb_uuid id = wb_uuid_v7();

	(void)wb_time_format(wb_wall_us(), time);
	(void)snprintf(name, WB_JOB_NAME_BYTES,
	               "%.32s-%.4s%.2s%.2sT%.2s%.2s%.2s-%02x%02x%02x", consumer,
	               time, time + 5, time + 8, time + 11, time + 14,
	               time + 17, id.bytes[13], id.bytes[14], id.bytes[15]);
}

const char *
wb_journal_text(struct wb_buf *scratch, const char *text)
{
	size_t bytes = strlen(text);

	wb_buf_clear(scratch);
	while (bytes > 0) {
		size_t one = wb_utf8_char(text, bytes);

		if (one > 0)
			wb_buf_add(scratch, text, one);
		else
			wb_buf_adds(scratch, "?");
		text += one > 0 ? one : 1;
		bytes -= one > 0 ? one : 1;
	}
	return wb_buf_text(scratch);
}

/* ---- the job ---- */

void
wb_journal_begin(struct wb_tx *tx, struct wb_pg_args *args,
                 const struct wb_job_row *job)
{
	static const struct wb_pg_stmt insert = {
		.name = "dlq_job",
		.sql = "INSERT INTO dlq_jobs (job, kind, consumer, who, why,"
		       " filter, canary, rate, stop_above, status)"
		       " VALUES ($1, $2, $3, $4, $5, $6, $7::bigint,"
		       " $8::bigint, $9::bigint, 'running')",
	};
	struct wb_buf scratch = { 0 };

	wb_pg_args_clear(args);
	wb_pg_arg_text(args, job->name);
	wb_pg_arg_text(args, kinds[job->kind]);
	wb_pg_arg_text(args, job->consumer);
	wb_pg_arg_text(args, wb_journal_text(&scratch, job->who));
	wb_pg_arg_text(args, wb_journal_text(&scratch, job->why));
	wb_pg_arg_text(args, wb_journal_text(&scratch, job->filter));
	wb_pg_arg_i64(args, job->canary);
	wb_pg_arg_i64(args, job->rate);
	wb_pg_arg_i64(args, job->stop_above);
	wb_tx_query(tx, &insert, args, NULL, NULL);
	wb_buf_fini(&scratch);
}

void
wb_journal_status(struct wb_tx *tx, struct wb_pg_args *args,
                  const struct wb_job_row *job, const char *status,
                  const char *note)
{
	static const struct wb_pg_stmt update = {
		.name = "dlq_status",
		.sql = "UPDATE dlq_jobs SET status = $2, note = $3,"
		       " canary = $4::bigint, rate = $5::bigint,"
		       " stop_above = $6::bigint, ended_at ="
		       " CASE WHEN $2 IN ('done', 'cancelled')"
		       " THEN clock_timestamp() END WHERE job = $1",
	};
	static const struct wb_pg_stmt cancel = {
		.name = "dlq_cancel",
		.sql = "UPDATE dlq_items SET outcome = 'cancelled',"
		       " judged_at = clock_timestamp()"
		       " WHERE job = $1 AND sent_at IS NULL"
		       " AND outcome IS NULL",
	};
	struct wb_buf scratch = { 0 };

	wb_pg_args_clear(args);
	wb_pg_arg_text(args, job->name);
	wb_pg_arg_text(args, status);
	wb_pg_arg_text(args, wb_journal_text(&scratch, note));
	wb_pg_arg_i64(args, job->canary);
	wb_pg_arg_i64(args, job->rate);
	wb_pg_arg_i64(args, job->stop_above);
	wb_tx_query(tx, &update, args, NULL, NULL);
	wb_buf_fini(&scratch);
	if (strcmp(status, "cancelled") != 0)
		return;
	wb_pg_args_clear(args);
	wb_pg_arg_text(args, job->name);
	wb_tx_query(tx, &cancel, args, NULL, NULL);
}

/* ---- its items ---- */

/* One name per column, in the order of the statement's parameters. */
enum {
	ORD,
	LETTER,
	REPLAY,
	ATTEMPTS,
	EVENT_ID,
	EVENT_TYPE,
	ERROR_CODE,
	ERROR,
	ORIGINAL,
	EDITED,
};

static const enum wb_pg_elem columns[] = {
	[ORD] = WB_PG_INT4,        [LETTER] = WB_PG_TEXT,
	[REPLAY] = WB_PG_TEXT,     [ATTEMPTS] = WB_PG_INT4,
	[EVENT_ID] = WB_PG_UUID,   [EVENT_TYPE] = WB_PG_TEXT,
	[ERROR_CODE] = WB_PG_TEXT, [ERROR] = WB_PG_TEXT,
	[ORIGINAL] = WB_PG_TEXT,   [EDITED] = WB_PG_BYTEA,
};

static const struct wb_pg_stmt insert_items = {
	.name = "dlq_items",
	.sql = "INSERT INTO dlq_items (job, ord, letter, replay, attempts,"
	       " event_id, event_type, error_code, error, original, edited)"
	       " SELECT $11, * FROM unnest($1::int[], $2::text[], $3::text[],"
	       " $4::int[], $5::uuid[], $6::text[], $7::text[], $8::text[],"
	       " $9::text[], $10::bytea[])",
};

struct wb_journal_items {
	struct wb_pg_args *args;
	size_t n;     /* in args */
	int32_t next; /* ord */
	struct wb_buf scratch;
};

void
wb_journal_items_free(struct wb_journal_items *items)
{
	if (items == NULL)
		return;
	wb_pg_args_free(items->args);
	wb_buf_fini(&items->scratch);
	free(items);
}

static void
begin_columns(struct wb_journal_items *items)
{
	wb_pg_args_clear(items->args);
	for (size_t i = 0; i < WB_ARRAY_LEN(columns); i++)
		(void)wb_pg_arg_array(items->args, columns[i]);
	items->n = 0;
}

struct wb_journal_items *
wb_journal_items_new(void)
{
	struct wb_journal_items *items = wb_zalloc(sizeof *items);

	items->args = wb_pg_args_new();
	begin_columns(items);
	return items;
}

static void
add_text(struct wb_journal_items *items, size_t column, const char *text)
{
	wb_pg_elem_text(items->args, column,
	                wb_journal_text(&items->scratch, text));
}

void
wb_journal_items_add(struct wb_journal_items *items,
                     const struct wb_letter *letter,
                     const struct wb_uuid *event_id, bool has_original,
                     const char *edited, size_t edited_bytes)
{
	struct wb_pg_args *args = items->args;

	wb_pg_elem_i32(args, ORD, items->next++);
	add_text(items, LETTER, letter->id);
	add_text(items, REPLAY, letter->replay);
	wb_pg_elem_i32(args, ATTEMPTS, (int32_t)letter->attempts);
	wb_pg_elem_uuid(args, EVENT_ID, event_id);
	add_text(items, EVENT_TYPE, letter->type);
	add_text(items, ERROR_CODE, letter->error_code);
	add_text(items, ERROR, letter->error);
	wb_buf_clear(&items->scratch);
	if (has_original)
		wb_letter_print(letter, &items->scratch);
	wb_pg_elem_text(args, ORIGINAL,
	                has_original ? items->scratch.data : NULL);
	if (edited != NULL)
		wb_pg_elem_text_n(args, EDITED, edited, edited_bytes);
	else
		wb_pg_elem_null(args, EDITED);
	items->n++;
}

size_t
wb_journal_items_count(const struct wb_journal_items *items)
{
	return items->n;
}

void
wb_journal_items_write(struct wb_journal_items *items, const char *job,
                       struct wb_tx *tx)
{
	if (items->n == 0)
		return;
	wb_pg_arg_text(items->args, job);
	wb_tx_query(tx, &insert_items, items->args, NULL, NULL);
	begin_columns(items);
}

static void
mark(struct wb_tx *tx, struct wb_pg_args *args, const struct wb_pg_stmt *stmt,
     const char *job, const uint32_t *ords, size_t n)
{
	size_t array;

	wb_pg_args_clear(args);
	wb_pg_arg_text(args, job);
	array = wb_pg_arg_array(args, WB_PG_INT4);
	for (size_t i = 0; i < n; i++)
		wb_pg_elem_i32(args, array, (int32_t)ords[i]);
	wb_tx_query(tx, stmt, args, NULL, NULL);
}

void
wb_journal_mark_sent(struct wb_tx *tx, struct wb_pg_args *args, const char *job,
                     bool is_discard, const uint32_t *ords, size_t n)
{
	static const struct wb_pg_stmt sent = {
		.name = "dlq_sent",
		.sql = "UPDATE dlq_items SET sent_at = clock_timestamp()"
		       " WHERE job = $1 AND ord = ANY ($2::int[])"
		       " AND sent_at IS NULL",
	};
	static const struct wb_pg_stmt discarded = {
		.name = "dlq_discarded",
		.sql = "UPDATE dlq_items SET sent_at = clock_timestamp(),"
		       " outcome = 'discarded', judged_at = clock_timestamp()"
		       " WHERE job = $1 AND ord = ANY ($2::int[])"
		       " AND sent_at IS NULL",
	};

	mark(tx, args, is_discard ? &discarded : &sent, job, ords, n);
}

void
wb_journal_mark_gone(struct wb_tx *tx, struct wb_pg_args *args, const char *job,
                     const uint32_t *ords, size_t n)
{
	static const struct wb_pg_stmt gone = {
		.name = "dlq_gone",
		.sql = "UPDATE dlq_items SET outcome = 'gone',"
		       " judged_at = clock_timestamp()"
		       " WHERE job = $1 AND ord = ANY ($2::int[])"
		       " AND sent_at IS NULL AND outcome IS NULL",
	};

	mark(tx, args, &gone, job, ords, n);
}

/* ---- the verdicts ---- */

/* Each look begins with the items that are pending, probes for each of them,
 * and then finds the rows by their keys. The planner must have no say in it: a
 * job's rows have only just come, so that it takes them for one, and joins each
 * with all. The inbox comes first: what was sent twice because its job was
 * killed may have failed and then been handled. */
#define PENDING                                                                \
	"WITH p AS MATERIALIZED (SELECT ord, event_id FROM dlq_items"          \
	" WHERE job = $1 AND sent_at IS NOT NULL AND outcome IS NULL) "

static const struct wb_pg_stmt judge_handled = {
	.name = "dlq_handled",
	.sql = PENDING "UPDATE dlq_items SET outcome = 'handled',"
	               " judged_at = clock_timestamp()"
	               " WHERE job = $1 AND ord = ANY (ARRAY(SELECT p.ord"
	               " FROM p, LATERAL (SELECT FROM inbox n"
	               " WHERE n.consumer = $2 AND n.event_id = p.event_id"
	               " LIMIT 1) n))",
};

#define DEAD_AGAIN                                                             \
	" FROM outbox_deliveries d WHERE d.consumer = $2"                      \
	" AND d.event_id = i.event_id AND d.replay = $1"                       \
	" AND d.queue = $2 || '.dlq' LIMIT 1"

static const struct wb_pg_stmt judge_failed = {
	.name = "dlq_failed",
	.sql = PENDING
	"UPDATE dlq_items i SET outcome = 'failed',"
	" told = coalesce((SELECT concat_ws(': ',"
	" d.headers->>'waybill-error-code', "
	"d.headers->>'waybill-error')" DEAD_AGAIN
	"), ''), judged_at = clock_timestamp()"
	" WHERE job = $1 AND ord = ANY (ARRAY(SELECT i.ord FROM p i,"
	" LATERAL (SELECT" DEAD_AGAIN ") d))",
};

/* The rows that the two above have changed would not do: `waybill dlq jobs JOB`
 * judges while the job runs, and a commit whose end is unknown may have judged,
 * too. */
static const struct wb_pg_stmt count_verdicts = {
	.name = "dlq_verdicts",
	.sql = "SELECT count(sent_at),"
	       " count(*) FILTER (WHERE outcome = 'handled'),"
	       " count(*) FILTER (WHERE outcome = 'failed')"
	       " FROM dlq_items WHERE job = $1",
};

void
wb_journal_judge(struct wb_tx *tx, struct wb_pg_args *args, const char *job,
                 const char *consumer, wb_tx_result_fn on_counts, void *arg)
{
	wb_pg_args_clear(args);
	wb_pg_arg_text(args, job);
	wb_pg_arg_text(args, consumer);
	wb_tx_query(tx, &judge_handled, args, NULL, NULL);
	wb_tx_query(tx, &judge_failed, args, NULL, NULL);
	wb_pg_args_clear(args);
	wb_pg_arg_text(args, job);
	wb_tx_query(tx, &count_verdicts, args, on_counts, arg);
}
