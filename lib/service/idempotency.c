/* The keys of a transaction, and their end. */
#include "service/idempotency_key.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pg/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_HOUR (INT64_C(3600) * 1000 * 1000)

/* Days on which a key may lie: those of the longest keep-hours, and what the
 * clocks of two machines may differ by; and the days of the ring. */
enum { MAX_KEEP_HOURS = 144, MAX_SLOTS = 8, RING_DAYS = 16 };

enum { FIRST_SWEEP_MS = 2000, SWEEP_MS = 600000 };

struct wb_idem_params wb_idem_params;

const struct wb_param wb_idem_params_table[] = {
	{ .name = "idempotency-keep-hours",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct wb_idem_params, keep_hours),
	  .def = "24",
	  .min = 1,
	  .max = MAX_KEEP_HOURS,
	  .unit = "hours",
	  .help = "how long the answer under an Idempotency-Key is kept" },
};

const size_t wb_idem_params_count = WB_ARRAY_LEN(wb_idem_params_table);

struct wb_idem_batch {
	struct wb_idem **keys;
	size_t n_keys, cap_keys;
	struct wb_pg_args *asked;  /* of the lock, then of the look-up */
	struct wb_pg_args *stored; /* of the INSERT */
	size_t n_stored;
	wb_loop_fn done;
	void *arg;
};

/* ---- looking ---- */

/* Rows: the positions of the keys that others hold. Nobody waits, so their
 * order is free. */
static const struct wb_pg_stmt try_lock = {
	.name = "idempotency_try_lock",
	.sql = "SELECT position FROM unnest($1::bigint[]) WITH ORDINALITY"
	       " AS k (key, position) WHERE NOT pg_try_advisory_xact_lock(key)",
};

static const struct wb_pg_stmt wait_lock = {
	.name = "idempotency_wait_lock",
	.sql = "SELECT pg_advisory_xact_lock(key) FROM (SELECT key FROM"
	       " unnest($1::bigint[]) AS k (key) ORDER BY key OFFSET 0) k",
};

/* A statement of its own: its snapshot must be younger than the locks. The days
 * are a list, not an array: only then are the other partitions left out. */
static const struct wb_pg_stmt find = {
	.name = "idempotency_find",
	.sql = "SELECT id, fingerprint, status, headers, body"
	       " FROM idempotency_keys WHERE id = ANY ($1::uuid[])"
	       " AND slot IN ($2::int, $3::int, $4::int, $5::int, $6::int,"
	       " $7::int, $8::int, $9::int) AND expires_at > clock_timestamp()",
};

enum { ID, FINGERPRINT, STATUS, HEADERS, BODY };

static void
on_locked(const struct wb_pg_result *result, void *arg)
{
	const struct wb_idem_batch *batch = arg;

	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		size_t position = (size_t)wb_pg_i64(result, row, 0) - 1;

		WB_ASSERT(position < batch->n_keys);
		batch->keys[position]->end = WB_IDEM_IN_FLIGHT;
	}
}

static void
on_found(const struct wb_pg_result *result, void *arg)
{
	struct wb_idem_batch *batch = arg;

	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		struct wb_uuid id = wb_pg_uuid(result, row, ID);
		struct wb_uuid fingerprint =
		    wb_pg_uuid(result, row, FINGERPRINT);
		size_t i = 0;

		while (wb_uuid_compare(&batch->keys[i]->id, &id) != 0)
			i++; /* it was asked for */
		wb_idem_found(batch->keys[i], &fingerprint,
		              (int)wb_pg_i64(result, row, STATUS),
		              wb_pg_text(result, row, HEADERS),
		              wb_pg_text(result, row, BODY));
	}
	batch->done(batch->arg);
}

static int64_t
lock_of(const struct wb_idem *idem)
{
	int64_t lock;

	memcpy(&lock, idem->id.bytes, sizeof(lock));
	return lock;
}

static int32_t
slot_of(int64_t wall_us)
{
	return (int32_t)(wall_us / (24 * US_PER_HOUR) % RING_DAYS);
}

/* From an hour ahead to an hour more than what is kept: our clock is not the
 * server's. A list that is too short repeats its last. */
static void
add_slots(struct wb_pg_args *args)
{
	int64_t now_us = wb_wall_us(), hours = -1;

	for (int i = 0; i < MAX_SLOTS; i++) {
		wb_pg_arg_i32(args, slot_of(now_us - hours * US_PER_HOUR));
		hours += 24;
		if (hours > wb_idem_params.keep_hours + 1)
			hours = wb_idem_params.keep_hours + 1;
	}
}

bool
wb_idem_batch_find(struct wb_idem_batch *batch, struct wb_tx *tx, bool waits,
                   wb_loop_fn done, void *arg)
{
	struct wb_pg_args *args = batch->asked;
	size_t array = 0;

	if (batch->n_keys == 0)
		return false;
	batch->done = done;
	batch->arg = arg;
	wb_pg_args_clear(args);
	array = wb_pg_arg_array(args, WB_PG_INT8);
	for (size_t i = 0; i < batch->n_keys; i++)
		wb_pg_elem_i64(args, array, lock_of(batch->keys[i]));
	if (waits)
		wb_tx_query(tx, &wait_lock, args, NULL, NULL);
	else
		wb_tx_query(tx, &try_lock, args, on_locked, batch);
	wb_pg_args_clear(args);
	array = wb_pg_arg_array(args, WB_PG_UUID);
	for (size_t i = 0; i < batch->n_keys; i++)
		wb_pg_elem_uuid(args, array, &batch->keys[i]->id);
	add_slots(args);
	wb_tx_query(tx, &find, args, on_found, batch);
	return true;
}

/* ---- storing ---- */

/* A conflict is one with a key that is over. */
static const struct wb_pg_stmt insert = {
	.name = "idempotency_insert",
	.sql = "INSERT INTO idempotency_keys (id, fingerprint, status, headers,"
	       " body, expires_at) SELECT id, fingerprint, status, headers,"
	       " body, clock_timestamp() + $6::bigint * interval '1 hour'"
	       " FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[],"
	       " $5::text[]) AS k (id, fingerprint, status, headers, body)"
	       " ON CONFLICT (id, slot) DO UPDATE SET"
	       " fingerprint = excluded.fingerprint, status = excluded.status,"
	       " headers = excluded.headers, body = excluded.body,"
	       " expires_at = excluded.expires_at",
};

static const enum wb_pg_elem columns[] = {
	[ID] = WB_PG_UUID,     [FINGERPRINT] = WB_PG_UUID,
	[STATUS] = WB_PG_INT4, [HEADERS] = WB_PG_TEXT,
	[BODY] = WB_PG_TEXT,
};

void
wb_idem_batch_keep(struct wb_idem_batch *batch, const struct wb_idem *idem,
                   const struct wb_idem_answer *answer)
{
	struct wb_pg_args *args = batch->stored;

	WB_ASSERT(idem->end == WB_IDEM_NEW);
	wb_pg_elem_uuid(args, ID, &idem->id);
	wb_pg_elem_uuid(args, FINGERPRINT, &idem->fingerprint);
	wb_pg_elem_i32(args, STATUS, answer->status);
	wb_pg_elem_text(args, HEADERS, answer->headers);
	wb_pg_elem_text_n(args, BODY, answer->body, answer->body_bytes);
	batch->n_stored++;
}

void
wb_idem_batch_store(struct wb_idem_batch *batch, struct wb_tx *tx)
{
	if (batch->n_stored == 0)
		return;
	wb_pg_arg_i64(batch->stored, wb_idem_params.keep_hours);
	wb_tx_query(tx, &insert, batch->stored, NULL, NULL);
}

/* ---- the batch ---- */

void
wb_idem_batch_free(struct wb_idem_batch *batch)
{
	if (batch == NULL)
		return;
	wb_pg_args_free(batch->asked);
	wb_pg_args_free(batch->stored);
	free(batch->keys);
	free(batch);
}

struct wb_idem_batch *
wb_idem_batch_new(void)
{
	struct wb_idem_batch *batch = wb_zalloc(sizeof(*batch));

	batch->asked = wb_pg_args_new();
	batch->stored = wb_pg_args_new();
	wb_idem_batch_clear(batch);
	return batch;
}

void
wb_idem_batch_clear(struct wb_idem_batch *batch)
{
	batch->n_keys = 0;
	batch->n_stored = 0;
	wb_pg_args_clear(batch->stored);
	for (size_t i = 0; i < WB_ARRAY_LEN(columns); i++) {
		size_t array = wb_pg_arg_array(batch->stored, columns[i]);

		WB_ASSERT(array == i);
	}
}

void
wb_idem_batch_add(struct wb_idem_batch *batch, struct wb_idem *idem)
{
	if (batch->n_keys == batch->cap_keys) {
		batch->cap_keys = batch->cap_keys * 2 + 1;
		batch->keys = wb_realloc(
		    batch->keys, batch->cap_keys * sizeof(struct wb_idem *));
	}
	wb_idem_reset(idem);
	batch->keys[batch->n_keys++] = idem;
}

/* ---- expiry ---- */

static struct {
	struct wb_db *db;
	struct wb_timer timer;
} sweeper;

static const struct wb_pg_stmt expire = {
	.name = "idempotency_expire",
	.sql = "SELECT idempotency_expire($1::bigint)",
};

static void
on_swept(const struct wb_tx_outcome *outcome, void *arg)
{
	(void)arg;
	if (outcome->err != WB_OK)
		wb_log_warn(WB_LOG_IDEMPOTENCY, "sqlstate=%s why=\"%s\"",
		            outcome->sqlstate, outcome->message);
}

static void
sweep(struct wb_pg *pg, void *arg)
{
	struct wb_pg_args *args = NULL;

	(void)arg;
	if (pg == NULL)
		return; /* the next time */
	args = wb_pg_args_new();
	wb_pg_arg_i64(args, wb_idem_params.keep_hours);
	wb_pg_query(pg, &expire, args, NULL, on_swept, NULL);
	wb_pg_args_free(args);
}

static void
on_timer(void *arg)
{
	(void)arg;
	wb_timer_start_ms(&sweeper.timer, SWEEP_MS);
	wb_pg_pool_take(wb_db_pool(sweeper.db), sweep, &sweeper);
}

void
wb_idem_start(struct wb_loop *loop, struct wb_db *db)
{
	sweeper.db = db;
	wb_timer_init(&sweeper.timer, loop, on_timer, NULL);
	wb_timer_start_ms(&sweeper.timer, FIRST_SWEEP_MS);
}

void
wb_idem_stop(void)
{
	if (sweeper.db != NULL)
		wb_timer_fini(&sweeper.timer);
	sweeper.db = NULL;
}
