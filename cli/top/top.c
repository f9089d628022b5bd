/* `waybill top`: asks everybody every interval, and shows it: as a picture that
 * is drawn anew (live), once, or as JSON lines. */
#include "top.h"

#include "commands.h"
#include "screen.h"

#include "base/attr.h"
#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* A source is in trouble when it has not answered for so long. */
	SILENT_MS = 3000,
	/* Answers that come together are drawn together. */
	DRAW_MS = 50,
	/* Rates need two looks. */
	LOOKS = 2,
	LOOK_PAUSE_MS = 1000,
};

struct params {
	int64_t interval_ms;
	bool is_once;
};

enum mode { LIVE, ONCE, LINES };

struct run {
	struct wb_top top;
	enum mode mode;
	struct wb_timer tick, draw, give_up;
	struct wb_input keys;
	struct wb_screen screen;
	int64_t n_looks;
};

/* ---- sources ---- */

const char *
wb_top_trouble(const struct wb_top_source *source)
{
	int64_t silent_ms = (wb_mono_us() - source->asked_us) / 1000;

	if (!source->has_answer)
		return source->rounds == 0 ? "no answer yet" : source->why.text;
	if (source->is_asking && silent_ms > SILENT_MS)
		return "does not answer";
	return NULL;
}

void
wb_top_ended(struct wb_top_source *source, enum wb_err err, const char *why)
{
	source->is_asking = false;
	source->has_answer = err == WB_OK;
	source->rounds++;
	(void)wb_fail(&source->why, err, "%s",
	              why[0] != '\0' ? why : wb_err_text(err));
	source->on_change(source->arg);
}

static void
ask_all(struct wb_top *top)
{
	if (top->has_broker)
		wb_top_broker_ask(&top->broker);
	for (size_t i = 0; i < top->n_databases; i++)
		wb_top_database_ask(&top->databases[i]);
}

/* Whether everybody has said something so many times: an answer, or why
 * there is none. */
static bool
is_settled(const struct wb_top *top, int64_t rounds)
{
	if (top->has_broker && top->broker.source.rounds < rounds)
		return false;
	for (size_t i = 0; i < top->n_databases; i++)
		if (top->databases[i].source.rounds < rounds)
			return false;
	return true;
}

static bool
is_well(const struct wb_top *top)
{
	if (top->has_broker && wb_top_trouble(&top->broker.source) != NULL)
		return false;
	for (size_t i = 0; i < top->n_databases; i++)
		if (wb_top_trouble(&top->databases[i].source) != NULL)
			return false;
	return true;
}

/* ---- showing ---- */

static void
draw_screen(struct run *run)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	if (out == NULL)
		return;
	wb_top_print_frame(&run->top, true, out);
	if (fclose(out) == 0)
		wb_screen_draw(&run->screen, text);
	free(text);
}

static void
print_once(struct run *run)
{
	if (run->top.cli->is_json)
		wb_top_print_line(&run->top);
	else
		wb_top_print_frame(&run->top, false, stdout);
	wb_loop_stop(run->top.cli->loop);
}

static void
on_draw(void *arg)
{
	draw_screen(arg);
}

/* ---- looking ---- */

static void
on_tick(void *arg)
{
	struct run *run = arg;

	/* What the looks before this one have found. */
	if (run->mode == LINES && run->n_looks >= LOOKS) {
		wb_top_print_line(&run->top);
		if (fflush(stdout) != 0) {
			wb_loop_stop(run->top.cli->loop);
			return;
		}
	}
	run->n_looks++;
	ask_all(&run->top);
	if (run->mode != ONCE)
		wb_timer_start_ms(&run->tick, run->top.interval_ms);
	if (run->mode == LIVE)
		draw_screen(run);
}

static void
on_change(void *arg)
{
	struct run *run = arg;

	if (run->mode == LIVE && !wb_timer_is_pending(&run->draw))
		wb_timer_start_ms(&run->draw, DRAW_MS);
	if (run->mode != ONCE || !is_settled(&run->top, run->n_looks))
		return;
	if (run->n_looks == LOOKS)
		print_once(run);
	else if (!wb_timer_is_pending(&run->tick))
		wb_timer_start_ms(&run->tick, LOOK_PAUSE_MS);
}

static void
on_give_up(void *arg)
{
	print_once(arg);
}

static void
on_leave(void *arg)
{
	struct run *run = arg;

	wb_loop_stop(run->top.cli->loop);
}

static void
on_key(void *arg)
{
	struct run *run = arg;
	char key = 0;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 0 || (n < 0 && errno != EINTR) || key == 'q' || key == 'Q')
		wb_loop_stop(run->top.cli->loop);
	else
		wb_input_wait(&run->keys);
}

/* ---- from start to end ---- */

static void
watch(struct run *run)
{
	struct wb_loop *loop = run->top.cli->loop;

	wb_timer_init(&run->tick, loop, on_tick, run);
	wb_timer_init(&run->draw, loop, on_draw, run);
	wb_timer_init(&run->give_up, loop, on_give_up, run);
	wb_loop_on_signal(loop, SIGINT, on_leave, run);
	wb_loop_on_signal(loop, SIGTERM, on_leave, run);
	wb_loop_on_signal(loop, SIGHUP, on_leave, run);
	wb_timer_start_ms(&run->tick, 0);
	if (run->mode == ONCE)
		wb_timer_start_ms(&run->give_up, run->top.cli->common.wait_ms);
	if (run->mode == LIVE) {
		wb_loop_on_signal(loop, SIGWINCH, on_draw, run);
		wb_screen_enter(&run->screen);
	}
	if (run->mode == LIVE && run->screen.has_keys) {
		wb_input_init(&run->keys, loop, STDIN_FILENO, on_key, run);
		wb_input_wait(&run->keys);
	}
	wb_loop_run(loop);
	wb_input_fini(&run->keys);
	if (run->mode == LIVE)
		wb_screen_leave(&run->screen);
	wb_timer_fini(&run->tick);
	wb_timer_fini(&run->draw);
	wb_timer_fini(&run->give_up);
}

static void
listen_to(struct run *run, struct wb_top_source *source)
{
	source->on_change = on_change;
	source->arg = run;
}

static enum wb_err
open_all(struct run *run, struct wb_note *note)
{
	struct wb_top *top = &run->top;
	enum wb_err err = wb_outbox_names_init(&top->names, top->cli, note);

	while (err == WB_OK && top->n_databases < top->names.n) {
		struct wb_top_database *database =
		    &top->databases[top->n_databases];

		listen_to(run, &database->source);
		err = wb_top_database_open(database, top->cli,
		                           top->names.list[top->n_databases],
		                           note);
		top->n_databases++;
	}
	top->has_broker = top->cli->common.management_url[0] != '\0';
	listen_to(run, &top->broker.source);
	if (top->has_broker)
		wb_top_broker_open(&top->broker, top->cli);
	return err;
}

static void
close_all(struct wb_top *top)
{
	while (top->n_databases > 0)
		wb_top_database_close(&top->databases[--top->n_databases]);
	wb_top_broker_close(&top->broker);
	wb_outbox_names_fini(&top->names);
}

static enum mode
choose_mode(const struct wb_cli *cli, const struct params *params)
{
	if (cli->is_json && !params->is_once)
		return LINES;
	if (params->is_once || isatty(STDOUT_FILENO) == 0)
		return ONCE;
	return LIVE;
}

static int
show(struct wb_cli *cli, const void *arg)
{
	const struct params *params = arg;
	struct run run = {
		.top = { .cli = cli, .interval_ms = params->interval_ms },
		.mode = choose_mode(cli, params),
	};
	struct wb_note note = { "" };
	int status = WB_CLI_DONE;
	enum wb_err err;

	err = open_all(&run, &note);
	if (err == WB_OK)
		watch(&run);
	if (run.mode == ONCE && !is_well(&run.top))
		status = WB_CLI_FAILED;
	close_all(&run.top);
	return err == WB_OK ? status : wb_cli_fail(cli, err, &note);
}

#define FIELD(name) .offset = offsetof(struct params, name)

static const struct wb_param params_table[] = {
	{ .name = "interval-ms",
	  .type = WB_PARAM_INT,
	  FIELD(interval_ms),
	  .def = "2000",
	  .min = 100,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "how often everybody is asked" },
	{ .name = "once",
	  .type = WB_PARAM_BOOL,
	  FIELD(is_once),
	  .def = "false",
	  .unit = "",
	  .help = "print how it is, and leave; so it does, too, when stdout is "
	          "no terminal" },
};

static const struct wb_verb verbs[] = {
	{ .name = "",
	  .arguments = "[SERVICE...]",
	  .max_args = WB_CLI_ANY_NUMBER,
	  .summary = "watch queues, outboxes, dead letters and sagas",
	  .details =
	      "Queues and alarms are those of --management-url and of the "
	      "vhost of\n--amqp-brokers; outboxes those of the services, or of "
	      "the one database that\n--dsn names; counting ends at 100000. q "
	      "or ^C leaves. A server that does not\nanswer is shown as such. "
	      "With --json: a line per look, or with --once a single\none. "
	      "Exit "
	      "status 1: with --once, a server could not be asked.",
	  .takes = WB_CLI_DATABASES | WB_CLI_BROKER | WB_CLI_MANAGEMENT,
	  .params = params_table,
	  .n_params = WB_ARRAY_LEN(params_table),
	  .params_bytes = sizeof(struct params),
	  .run = show },
};

const struct wb_command wb_command_top = {
	.name = "top",
	.summary = "watch queues, outboxes, dead letters and sagas",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
