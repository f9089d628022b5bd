/* The steps of a migration on a loop: each is a statement whose end starts the
 * next. The session holds one advisory lock from its first step to its end, so
 * that of two migrations of a database the second finds all done; losing the
 * session means losing the lock, so it ends the run. */
#include "migrate/run.h"

#include "migrate/check.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "pg/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_PARTS = 2,
	LOCK_RETRY_MS = 100,
};

/* The state of one run; lives as long as wb_migrate_run. */
struct run {
	const struct wb_migrate_job *job;
	struct wb_loop *loop;
	struct wb_pg *pg;
	struct wb_timer wait;  /* past it: no server, or no lock */
	struct wb_timer retry; /* to try the lock again */
	bool has_session;      /* on_ready has come */
	bool has_lock;
	bool has_table;
	struct wb_arena *arena; /* of the rows */
	size_t applied[MAX_PARTS];
	size_t part; /* being applied */
	const struct wb_migration *current;
	struct wb_buf script;
	struct wb_note why; /* of the last failed try to connect */
	enum wb_err err;
	struct wb_note *note;
};

/* The key is arbitrary, "WB-MIGR" in ASCII. */
static const struct wb_pg_stmt lock_stmt = {
	"lock", "SELECT pg_try_advisory_lock(x'57422d4d494752'::bigint)"
};
static const struct wb_pg_stmt table_stmt = {
	"table", "SELECT to_regclass('schema_migrations') IS NOT NULL"
};
static const struct wb_pg_stmt create_stmt = {
	"create", "CREATE TABLE schema_migrations ("
	          " part text NOT NULL,"
	          " number int NOT NULL,"
	          " name text NOT NULL,"
	          " checksum text NOT NULL,"
	          " applied_at timestamptz NOT NULL DEFAULT now(),"
	          " PRIMARY KEY (part, number))"
};
static const struct wb_pg_stmt rows_stmt = {
	"rows", "SELECT part, number, name, checksum FROM schema_migrations"
	        " ORDER BY part, number"
};

static const struct wb_pg_stmt grant_stmt = {
	"grant", "SELECT format('SELECT %I(%L)', $1::text, $2::text)"
};

static void
end(struct run *run, enum wb_err err)
{
	run->err = err;
	wb_loop_stop(run->loop);
}

/* False: it has failed, the run ends. what: "reading schema_migrations". */
static bool
went_well(struct run *run, const struct wb_tx_outcome *outcome,
          const char *what)
{
	if (outcome->end == WB_TX_COMMITTED)
		return true;
	end(run,
	    wb_fail(run->note, outcome->err, "%s: %s%s%s%s%s", what,
	            outcome->message, outcome->sqlstate[0] != '\0' ? " (" : "",
	            outcome->sqlstate, outcome->sqlstate[0] != '\0' ? ")" : "",
	            outcome->end == WB_TX_UNKNOWN
	                ? "; whether it happened is not known, run again"
	                : ""));
	return false;
}

/* ---- granting ---- */

static void
on_granted(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (!went_well(run, outcome, "granting"))
		return;
	printf("%s: %s\n", run->job->grant, run->job->grant_to);
	end(run, WB_OK);
}

static void
on_grant_text(const struct wb_pg_result *result, void *arg)
{
	struct run *run = arg;

	wb_buf_clear(&run->script);
	wb_buf_adds(&run->script, wb_pg_text(result, 0, 0));
}

static void
on_grant_text_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (went_well(run, outcome, "granting"))
		wb_pg_script(run->pg, wb_buf_text(&run->script), on_granted,
		             run);
}

/* The server quotes the names. */
static void
grant(struct run *run)
{
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_text(args, run->job->grant);
	wb_pg_arg_text(args, run->job->grant_to);
	wb_pg_query(run->pg, &grant_stmt, args, on_grant_text,
	            on_grant_text_done, run);
	wb_pg_args_free(args);
}

/* ---- applying ---- */

static const struct wb_migration *
next_migration(struct run *run)
{
	const struct wb_migrate_job *job = run->job;

	while (run->part < job->n_parts &&
	       run->applied[run->part] == job->parts[run->part].n)
		run->part++;
	if (run->part == job->n_parts)
		return NULL;
	return &job->parts[run->part].migrations[run->applied[run->part]];
}

static void
print_end(const struct run *run)
{
	size_t n = 0;

	if (run->job->on_migration != NULL)
		return;
	for (size_t i = 0; i < run->job->n_parts; i++)
		n += run->applied[i];
	printf("%s: up to date (%zu migrations)\n", run->job->service, n);
}

static void
tell_applied(const struct run *run, const char *part)
{
	const struct wb_migrate_job *job = run->job;

	if (job->on_migration != NULL) {
		job->on_migration(job->arg, part, run->current->name, true);
		return;
	}
	printf("applied %s/%s\n", part, run->current->name);
	(void)fflush(stdout);
}

static void apply_next(struct run *run);

static void
on_applied(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;
	const char *part = run->job->parts[run->part].name;
	struct wb_note what;

	(void)wb_fail(&what, WB_OK, "%s/%s", part, run->current->name);
	if (!went_well(run, outcome, what.text))
		return;
	tell_applied(run, part);
	run->applied[run->part]++;
	apply_next(run);
}

/* The file and its row are one string, so one transaction. The texts need no
 * quoting: plain names and hex digits. */
static void
apply_next(struct run *run)
{
	const struct wb_migration *migration = next_migration(run);

	run->current = migration;
	if (migration == NULL) {
		print_end(run);
		if (run->job->grant_to != NULL)
			grant(run);
		else
			end(run, WB_OK);
		return;
	}
	wb_buf_clear(&run->script);
	wb_buf_printf(&run->script,
	              "%s\n;\nINSERT INTO schema_migrations"
	              " (part, number, name, checksum)"
	              " VALUES ('%s', %d, '%s', '%s')",
	              migration->sql, run->job->parts[run->part].name,
	              migration->number, migration->name, migration->checksum);
	wb_pg_script(run->pg, wb_buf_text(&run->script), on_applied, run);
}

static void
tell_status(const struct run *run)
{
	const struct wb_migrate_job *job = run->job;

	for (size_t i = 0; i < job->n_parts; i++)
		for (size_t j = 0; j < job->parts[i].n; j++)
			job->on_migration(job->arg, job->parts[i].name,
			                  job->parts[i].migrations[j].name,
			                  j < run->applied[i]);
}

/* ---- comparing ---- */

static void
on_rows(const struct wb_pg_result *result, void *arg)
{
	struct run *run = arg;
	size_t n = wb_pg_rows(result);
	struct wb_migration_row *rows =
	    wb_arena_alloc(run->arena, n * sizeof(*rows));

	for (size_t i = 0; i < n; i++)
		rows[i] = (struct wb_migration_row){
			.part = wb_pg_text(result, i, 0),
			.number = wb_pg_i64(result, i, 1),
			.name = wb_pg_text(result, i, 2),
			.checksum = wb_pg_text(result, i, 3),
		};
	run->err = wb_migration_check(run->job->parts, run->job->n_parts, rows,
	                              n, run->applied, run->note);
}

static void
go_on(struct run *run)
{
	if (run->job->is_status) {
		tell_status(run);
		end(run, WB_OK);
	} else {
		apply_next(run);
	}
}

static void
on_rows_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (!went_well(run, outcome, "reading schema_migrations"))
		return;
	if (run->err != WB_OK)
		end(run, run->err);
	else
		go_on(run);
}

static void
read_rows(struct run *run)
{
	wb_pg_query(run->pg, &rows_stmt, NULL, on_rows, on_rows_done, run);
}

static void
on_created(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (went_well(run, outcome, "creating schema_migrations"))
		read_rows(run);
}

static void
on_table(const struct wb_pg_result *result, void *arg)
{
	struct run *run = arg;

	run->has_table = wb_pg_bool(result, 0, 0);
}

static void
on_table_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (!went_well(run, outcome, "looking for schema_migrations"))
		return;
	if (run->has_table)
		read_rows(run);
	else if (run->job->is_status)
		go_on(run);
	else
		wb_pg_query(run->pg, &create_stmt, NULL, NULL, on_created, run);
}

/* ---- the lock ---- */

static void
on_lock(const struct wb_pg_result *result, void *arg)
{
	struct run *run = arg;

	run->has_lock = wb_pg_bool(result, 0, 0);
}

static void
look_for_table(struct run *run)
{
	wb_timer_stop(&run->wait);
	wb_pg_query(run->pg, &table_stmt, NULL, on_table, on_table_done, run);
}

static void
on_lock_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (!went_well(run, outcome, "taking the lock"))
		return;
	if (run->has_lock)
		look_for_table(run);
	else
		wb_timer_start_ms(&run->retry, LOCK_RETRY_MS);
}

/* Never the blocking form: it would hold a snapshot while it waits, and run
 * into the statement timeout. */
static void
on_retry(void *arg)
{
	struct run *run = arg;

	wb_pg_query(run->pg, &lock_stmt, NULL, on_lock, on_lock_done, run);
}

/* ---- the session ---- */

static void
on_ready(void *arg)
{
	struct run *run = arg;

	run->has_session = true;
	if (run->job->is_status)
		look_for_table(run);
	else
		on_retry(run);
}

/* Before the first session the library tries again by itself. */
static void
on_lost(void *arg, const char *why)
{
	struct run *run = arg;

	(void)wb_fail(&run->why, WB_ERR_DB_LOST, "%s", why);
	if (!run->has_session)
		return;
	/* A statement in hand has told more. */
	if (run->note->text[0] == '\0')
		(void)wb_fail(run->note, WB_ERR_DB_LOST, "%s", why);
	end(run, WB_ERR_DB_LOST);
}

static void
on_wait_over(void *arg)
{
	struct run *run = arg;

	if (run->has_session)
		end(run, wb_fail(run->note, WB_ERR_TIMEOUT,
		                 "another migration of this database runs"));
	else
		end(run, wb_fail(run->note, WB_ERR_DB_LOST, "%s",
		                 run->why.text[0] != '\0' ? run->why.text
		                                          : "no server"));
}

static void
run_loop(struct run *run, const struct wb_pg_params *params)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};

	run->loop = wb_loop_new();
	run->arena = wb_arena_new();
	wb_timer_init(&run->wait, run->loop, on_wait_over, run);
	wb_timer_init(&run->retry, run->loop, on_retry, run);
	wb_timer_start_ms(&run->wait, run->job->wait_ms);
	run->pg = wb_pg_new(run->loop, params, run->job->application_name,
	                    &events, run);
	wb_loop_run(run->loop);
	wb_pg_free(run->pg);
	wb_timer_fini(&run->retry);
	wb_timer_fini(&run->wait);
	wb_arena_free(run->arena);
	wb_buf_fini(&run->script);
	wb_loop_free(run->loop);
}

enum wb_err
wb_migrate_run(const struct wb_migrate_job *job, struct wb_note *note)
{
	struct run run = { .job = job, .note = note };
	struct wb_buf dsn = { 0 };
	struct wb_pg_params params = {
		.dsn = job->dsn,
		.connect_timeout_ms = job->wait_ms,
		.statement_timeout_ms = job->file_deadline_ms,
		.tx_deadline_ms = job->file_deadline_ms + 1000,
		.reconnect_cap_ms = 1000,
	};

	WB_ASSERT(job->n_parts <= MAX_PARTS);
	note->text[0] = '\0';
	if (job->dsn[0] == '\0') {
		wb_buf_printf(&dsn, "dbname=%s", job->service);
		params.dsn = dsn.data;
	}
	run_loop(&run, &params);
	wb_buf_fini(&dsn);
	return run.err;
}
