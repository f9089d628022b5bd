/* `waybill history`: builds the projections of history anew from its event log
 * while they are read and written. What a step is, and why it may be repeated,
 * is said in schema/history/005_rebuild.sql; here steps are asked for, one
 * after the other, until all is done. */
#include "commands.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "db.h"
#include "pg/pg.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 200, SHOW_US = 1000000 };

struct params {
	int64_t chunk, pause_ms, step_deadline_ms;
};

struct run;

/* One kind of step: its statement, and what its result means. */
struct step {
	struct wb_pg_stmt stmt;
	void (*bind)(const struct run *run, struct wb_pg_args *args);
	/* The step that comes next; NULL: all is done. */
	const struct step *(*read)(struct run *run,
	                           const struct wb_pg_result *result);
};

struct run {
	struct wb_cli *cli;
	const struct params *params;
	const struct step *step, *next;
	struct wb_pg *pg;
	struct wb_timer give_up; /* past it: nothing has moved on */
	bool is_late;            /* past it, with a statement under way */
	struct wb_timer again;   /* the next step, or the same one */
	int32_t generation;      /* that is being built */
	int64_t removed;         /* rows of older ones */
	int64_t shown_us;        /* of the last line of progress */
	enum wb_err err;
	struct wb_note note;
};

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param params_table[] = {
	{ .name = "chunk",
	  .type = WB_PARAM_INT,
	  FIELD(chunk),
	  .def = "2000",
	  .min = 1,
	  .max = 100000,
	  .unit = "",
	  .help = "events that are read, and rows that are removed, by one "
	          "transaction; history takes no events while the last ones "
	          "are read" },
	{ .name = "pause-ms",
	  .type = WB_PARAM_INT,
	  FIELD(pause_ms),
	  .def = "0",
	  .max = 60000,
	  .unit = "ms",
	  .help = "pause between two transactions, to leave the server to "
	          "others" },
	{ .name = "step-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(step_deadline_ms),
	  .def = "30000",
	  .min = 100,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "longest run of one transaction" },
};

static void
end(struct run *run, enum wb_err err)
{
	run->err = err;
	wb_loop_stop(run->cli->loop);
}

/* ---- the steps ---- */

static void
bind_nothing(const struct run *run, struct wb_pg_args *args)
{
	(void)run;
	(void)args;
}

static void
bind_chunk(const struct run *run, struct wb_pg_args *args)
{
	wb_pg_arg_i32(args, (int32_t)run->params->chunk);
}

static void
bind_step(const struct run *run, struct wb_pg_args *args)
{
	wb_pg_arg_i32(args, run->generation);
	bind_chunk(run, args);
}

static const struct step clean_step;

static const struct step *
read_cleaned(struct run *run, const struct wb_pg_result *result)
{
	int64_t n = wb_pg_i64(result, 0, 0);

	run->removed += n;
	if (n > 0)
		return &clean_step;
	if (run->cli->is_json)
		wb_json_i64(wb_cli_json(run->cli), "removed_rows",
		            run->removed);
	else if (run->removed > 0)
		printf("history: %" PRId64 " rows of other generations "
		       "removed\n",
		       run->removed);
	return NULL;
}

static const struct step clean_step = {
	.stmt = { "rebuild_clean", "SELECT rebuild_clean($1::int)" },
	.bind = bind_chunk,
	.read = read_cleaned,
};

static void
show_progress(struct run *run, const struct wb_pg_result *result)
{
	int64_t now_us = wb_mono_us();

	if (run->cli->is_json || now_us - run->shown_us < SHOW_US)
		return;
	run->shown_us = now_us;
	printf("history: generation %d: %s of %s events read\n",
	       run->generation, wb_pg_text(result, 0, 1),
	       wb_pg_text(result, 0, 2));
	(void)fflush(stdout);
}

static const struct step build_step;

static const struct step *
read_built(struct run *run, const struct wb_pg_result *result)
{
	const char *state = wb_pg_text(result, 0, 0);

	if (strcmp(state, "BUILDING") == 0) {
		show_progress(run, result);
		return &build_step;
	}
	if (strcmp(state, "GONE") == 0) {
		run->err = wb_fail(&run->note, WB_ERR_FAILED,
		                   "generation %d was given up by another",
		                   run->generation);
		return NULL;
	}
	if (run->cli->is_json)
		wb_json_i64(wb_cli_json(run->cli), "serving", run->generation);
	else
		printf("history: generation %d is read from now on\n",
		       run->generation);
	return &clean_step;
}

static const struct step build_step = {
	.stmt = { "rebuild_step", "SELECT state, read_upto, boundary "
	                          "FROM rebuild_step($1::int, $2::int)" },
	.bind = bind_step,
	.read = read_built,
};

static const struct step *
read_begun(struct run *run, const struct wb_pg_result *result)
{
	run->generation = (int32_t)wb_pg_i64(result, 0, 0);
	if (!run->cli->is_json)
		printf("history: building generation %d\n", run->generation);
	(void)fflush(stdout);
	return &build_step;
}

static const struct step *
read_cancelled(struct run *run, const struct wb_pg_result *result)
{
	bool was_there = wb_pg_bool(result, 0, 0);

	if (run->cli->is_json)
		wb_json_bool(wb_cli_json(run->cli), "cancelled", was_there);
	else
		puts(was_there ? "history: the rebuild is given up"
		               : "history: there is no rebuild");
	return &clean_step;
}

/* Numbers and times as Postgres writes them; NULL is null. */
static void
status_member(struct run *run, const char *name,
              const struct wb_pg_result *result, size_t col, bool is_number)
{
	struct wb_json *json = wb_cli_json(run->cli);

	if (wb_pg_is_null(result, 0, col))
		wb_json_null(json, name);
	else if (is_number)
		wb_json_raw(json, name, wb_pg_text(result, 0, col));
	else
		wb_json_text(json, name, wb_pg_text(result, 0, col));
}

static const struct step *
read_status(struct run *run, const struct wb_pg_result *result)
{
	if (run->cli->is_json) {
		status_member(run, "serving", result, 0, true);
		status_member(run, "building", result, 1, true);
		status_member(run, "read_upto", result, 2, true);
		status_member(run, "started_at", result, 3, false);
		status_member(run, "built_at", result, 4, false);
		return NULL;
	}
	printf("history: generation %s is read", wb_pg_text(result, 0, 0));
	if (!wb_pg_is_null(result, 0, 4))
		printf(", built %s", wb_pg_text(result, 0, 4));
	puts("");
	if (!wb_pg_is_null(result, 0, 1))
		printf("history: generation %s is being built since %s: %s "
		       "events read\n",
		       wb_pg_text(result, 0, 1), wb_pg_text(result, 0, 3),
		       wb_pg_text(result, 0, 2));
	return NULL;
}

static const struct {
	const char *name;
	struct step first;
} actions[] = {
	{ "rebuild",
	  { { "rebuild_begin", "SELECT rebuild_begin()" },
	    bind_nothing,
	    read_begun } },
	{ "status",
	  { { "rebuild_status",
	      "SELECT serving, building, read_upto, "
	      "date_trunc('second', started_at), "
	      "date_trunc('second', built_at) FROM projection" },
	    bind_nothing,
	    read_status } },
	{ "cancel",
	  { { "rebuild_cancel", "SELECT rebuild_cancel()" },
	    bind_nothing,
	    read_cancelled } },
};

/* ---- one after the other ---- */

static void
on_result(const struct wb_pg_result *result, void *arg)
{
	struct run *run = arg;

	run->next = run->step->read(run, result);
}

static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct run *run = arg;

	if (outcome->end == WB_TX_COMMITTED) {
		run->step = run->next;
		if (run->step == NULL) {
			end(run, run->err);
			return;
		}
		run->is_late = false;
		wb_timer_start_ms(&run->give_up, run->params->pause_ms +
		                                     run->cli->common.wait_ms);
		wb_timer_start_ms(&run->again, run->params->pause_ms);
		return;
	}
	(void)wb_fail(&run->note, outcome->err, "%s: %s%s%s",
	              run->step->stmt.name, outcome->message,
	              outcome->sqlstate[0] != '\0' ? " SQLSTATE " : "",
	              outcome->sqlstate);
	if (outcome->end != WB_TX_UNKNOWN &&
	    wb_err_verdict(outcome->err) != WB_WAIT)
		end(run, outcome->err);
	else if (run->is_late)
		end(run, WB_ERR_TIMEOUT);
	else if (wb_pg_is_ready(run->pg))
		wb_timer_start_ms(&run->again, RETRY_MS);
}

/* Also when the connection is there again. */
static void
on_again(void *arg)
{
	struct run *run = arg;
	struct wb_pg_args *args;

	if (!wb_pg_is_idle(run->pg) || run->step == NULL)
		return;
	args = wb_pg_args_new();
	run->step->bind(run, args);
	wb_pg_query(run->pg, &run->step->stmt, args, on_result, on_done, run);
	wb_pg_args_free(args);
}

static void
on_lost(void *arg, const char *why)
{
	struct run *run = arg;

	wb_timer_stop(&run->again);
	(void)wb_fail(&run->note, WB_ERR_DB_LOST, "%s", why);
}

/* A statement that is under way has a deadline of its own, and may yet commit.
 * A failure does not begin the wait anew: else it could go on for ever. */
static void
on_give_up(void *arg)
{
	struct run *run = arg;

	if (wb_pg_is_ready(run->pg) && !wb_pg_is_idle(run->pg))
		run->is_late = true;
	else
		end(run, WB_ERR_TIMEOUT);
}

static enum wb_err
work(struct run *run, char *dsn)
{
	static const struct wb_pg_events events = {
		.on_ready = on_again,
		.on_lost = on_lost,
	};
	struct wb_loop *loop = run->cli->loop;
	int64_t wait_ms = run->cli->common.wait_ms;
	const struct params *params = run->params;
	struct wb_pg_params pg = {
		.dsn = dsn,
		.connect_timeout_ms = wait_ms,
		.statement_timeout_ms = params->step_deadline_ms,
		.tx_deadline_ms = params->step_deadline_ms + wait_ms,
		.reconnect_cap_ms = 1000,
	};

	wb_timer_init(&run->give_up, loop, on_give_up, run);
	wb_timer_init(&run->again, loop, on_again, run);
	wb_timer_start_ms(&run->give_up, wait_ms);
	run->pg = wb_pg_new(loop, &pg, "waybill history", &events, run);
	wb_loop_run(loop);
	wb_pg_free(run->pg);
	wb_timer_fini(&run->again);
	wb_timer_fini(&run->give_up);
	return run->err;
}

static int
act(struct wb_cli *cli, const void *params)
{
	struct run run = { .cli = cli, .params = params };
	struct wb_buf dsn = { 0 };
	enum wb_err err = wb_db_dsn(cli, "history", &dsn, &run.note);

	for (size_t i = 0; i < WB_ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].name, cli->verb->name) == 0)
			run.step = &actions[i].first;
	if (err == WB_OK)
		err = work(&run, dsn.data);
	wb_buf_fini(&dsn);
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &run.note);
}

#define COMMON                                                                 \
	.arguments = "", .takes = WB_CLI_DATABASES, .params = params_table,    \
	.n_params = WB_ARRAY_LEN(params_table),                                \
	.params_bytes = sizeof(struct params), .run = act

static const struct wb_verb verbs[] = {
	{ .name = "rebuild",
	  .summary = "build the projections anew from the event log",
	  .details =
	      "Reads the event log of history from its start into new "
	      "projections, and then\nhas these be read instead of the old "
	      "ones. History goes on taking events and\nanswering. Stopped or "
	      "killed, it goes on where it ended when it is called again.",
	  COMMON },
	{ .name = "status",
	  .summary = "tell what is read, and how far a rebuild is",
	  COMMON },
	{ .name = "cancel",
	  .summary = "give up a rebuild that is not finished",
	  COMMON },
};

const struct wb_command wb_command_history = {
	.name = "history",
	.summary = "build history's projections anew from its event log",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
