#include "load.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "db.h"
#include "letters.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

/* An event of any of the stories, to be found by its id. */
struct known {
	struct wb_uuid id;
	struct wb_story_event *event;
};

struct load {
	struct wb_cli *cli;
	struct wb_stories *stories;
	struct wb_db *dbs[WB_N_SERVICES];
	struct wb_note gaps[WB_N_SERVICES];
	struct known *known; /* sorted */
	size_t n_known;
};

/* ---- asking several services at once ---- */

/* One statement per service that it is asked of. */
struct question {
	const struct wb_pg_stmt *of[WB_N_SERVICES];
	struct wb_pg_args *(*bind)(const struct load *load, size_t service);
	void (*read)(struct load *load, size_t service, struct wb_rows *rows);
};

/* A service that can't be asked any more is asked nothing else. */
static void
ask(struct load *load, const struct question *question)
{
	struct wb_rows *rows[WB_N_SERVICES] = { NULL };

	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (question->of[i] != NULL && load->dbs[i] != NULL &&
		    load->gaps[i].text[0] == '\0')
			rows[i] = wb_db_query(load->dbs[i], question->of[i],
			                      question->bind(load, i));
	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		while (rows[i] != NULL && wb_rows_next(rows[i]))
			question->read(load, i, rows[i]);
		(void)wb_rows_end(rows[i], &load->gaps[i]);
	}
}

static struct wb_story *
find_story(struct load *load, const struct wb_uuid *id)
{
	for (size_t i = 0; i < load->stories->n; i++)
		if (wb_uuid_compare(&load->stories->list[i].id, id) == 0)
			return &load->stories->list[i];
	return NULL;
}

static struct wb_story *
story_of(struct load *load, struct wb_rows *rows, size_t col)
{
	struct wb_uuid id = wb_rows_uuid(rows, col);
	struct wb_story *story = find_story(load, &id);

	WB_ASSERT(story != NULL);
	return story;
}

static const char *
keep(struct load *load, struct wb_rows *rows, size_t col)
{
	return wb_arena_strdup(load->stories->arena, wb_rows_text(rows, col));
}

static struct wb_pg_args *
bind_ids(const struct load *load, size_t service)
{
	struct wb_pg_args *args = wb_pg_args_new();
	size_t array = wb_pg_arg_array(args, WB_PG_UUID);

	(void)service;
	for (size_t i = 0; i < load->stories->n; i++)
		wb_pg_elem_uuid(args, array, &load->stories->list[i].id);
	return args;
}

/* As an outbox has them. */
static struct wb_pg_args *
bind_texts(const struct load *load, size_t service)
{
	struct wb_pg_args *args = wb_pg_args_new();
	size_t array = wb_pg_arg_array(args, WB_PG_TEXT);

	(void)service;
	for (size_t i = 0; i < load->stories->n; i++)
		wb_pg_elem_text(args, array, load->stories->list[i].id_text);
	return args;
}

/* ---- states ---- */

static void
read_order(struct load *load, size_t service, struct wb_rows *rows)
{
	struct wb_story *story = story_of(load, rows, 0);
	struct wb_story_step *step = &story->steps[service];

	story->status = keep(load, rows, 1);
	story->customer = keep(load, rows, 2);
	story->currency = keep(load, rows, 3);
	story->total_minor = wb_rows_i64(rows, 4);
	story->placed_us = wb_rows_i64(rows, 5);
	story->updated_us = wb_rows_i64(rows, 6);
	story->deadline_us = wb_rows_i64(rows, 7);
	story->cancel_requested_us = wb_rows_i64(rows, 8);
	story->is_cancel_refused = wb_rows_bool(rows, 9);
	step->status = story->status;
	step->since_us = strcmp(story->status, "PENDING") == 0
	                     ? story->placed_us
	                     : story->updated_us;
	step->cause_code = keep(load, rows, 10);
	step->cause_detail = keep(load, rows, 11);
}

static void
read_step(struct load *load, size_t service, struct wb_rows *rows)
{
	struct wb_story *story = story_of(load, rows, 0);

	story->steps[service] = (struct wb_story_step){
		.status = keep(load, rows, 1),
		.since_us = wb_rows_i64(rows, 2),
		.due_us = wb_rows_i64(rows, 3),
		.is_parked = wb_rows_bool(rows, 4),
		.tries = wb_rows_i64(rows, 5),
		.detail = keep(load, rows, 6),
		.cause_code = keep(load, rows, 7),
		.cause_detail = keep(load, rows, 8),
	};
}

static const struct question order_rows = {
	.of = { [WB_SERVICE_orders] = &trace_sql_order },
	.bind = bind_ids,
	.read = read_order,
};

static const struct question step_rows = {
	.of = { [WB_SERVICE_inventory] = &trace_sql_reservation,
	        [WB_SERVICE_payments] = &trace_sql_payment,
	        [WB_SERVICE_shipping] = &trace_sql_shipment,
	        [WB_SERVICE_notifications] = &trace_sql_mail },
	.bind = bind_ids,
	.read = read_step,
};

/* ---- events ---- */

static void
read_event(struct load *load, size_t service, struct wb_rows *rows)
{
	struct wb_uuid id = wb_rows_uuid(rows, 0);
	struct wb_story *story = story_of(load, rows, 1);
	struct wb_story_event *event = wb_story_find(story, &id);

	if (event == NULL)
		event =
		    wb_story_add(story, &id, service, wb_rows_text(rows, 2));
	event->is_in_outbox = true;
	event->sequence = wb_rows_i64(rows, 3);
	event->at_us = wb_rows_i64(rows, 4);
	event->caused_by = wb_rows_uuid(rows, 5);
	event->is_published = wb_rows_bool(rows, 6);
	event->is_held = wb_rows_bool(rows, 7);
	event->held_attempts = wb_rows_i64(rows, 8);
	event->retry_us = wb_rows_i64(rows, 9);
	event->parked_us = wb_rows_i64(rows, 10);
	event->held_reason = keep(load, rows, 11);
	event->discarded_us = wb_rows_i64(rows, 12);
	event->discarded_by = keep(load, rows, 13);
	event->discarded_why = keep(load, rows, 14);
}

static const struct question event_rows = {
	.of = { [WB_SERVICE_orders] = &trace_sql_events,
	        [WB_SERVICE_inventory] = &trace_sql_events,
	        [WB_SERVICE_payments] = &trace_sql_events,
	        [WB_SERVICE_shipping] = &trace_sql_events },
	.bind = bind_texts,
	.read = read_event,
};

/* "/inventory" */
static size_t
service_of(const char *source)
{
	const struct wb_service_row *row =
	    wb_service_find(source + (source[0] == '/'));

	return row != NULL ? (size_t)(row - wb_services)
	                   : (size_t)WB_SERVICE_history;
}

/* What the outboxes have forgotten, history still has. */
static void
read_log(struct load *load, size_t service, struct wb_rows *rows)
{
	struct wb_uuid id = wb_rows_uuid(rows, 0);
	struct wb_story *story = story_of(load, rows, 1);
	struct wb_story_event *event = wb_story_find(story, &id);

	if (event == NULL) {
		event =
		    wb_story_add(story, &id, service_of(wb_rows_text(rows, 6)),
		                 wb_rows_text(rows, 2));
		event->sequence = wb_rows_i64(rows, 3);
		event->at_us = wb_rows_i64(rows, 4);
		event->is_published = true;
	}
	event->deliveries[service].handled_us = wb_rows_i64(rows, 5);
}

/* After events: what an outbox knows is more. */
static const struct question log_rows = {
	.of = { [WB_SERVICE_history] = &trace_sql_log },
	.bind = bind_ids,
	.read = read_log,
};

static int
compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return wb_uuid_compare(&x->id, &y->id);
}

static void
know_events(struct load *load)
{
	struct wb_stories *stories = load->stories;
	size_t n = 0;

	for (size_t i = 0; i < stories->n; i++)
		n += stories->list[i].n_events;
	load->known = wb_arena_alloc(stories->arena, n * sizeof(*load->known));
	for (size_t i = 0; i < stories->n; i++)
		for (size_t j = 0; j < stories->list[i].n_events; j++) {
			struct wb_story_event *event =
			    stories->list[i].events[j];

			load->known[load->n_known++] =
			    (struct known){ event->id, event };
		}
	if (n > 0)
		qsort(load->known, n, sizeof(*load->known), compare_known);
}

static struct wb_story_event *
event_of(struct load *load, struct wb_rows *rows, size_t col)
{
	struct known wanted = { .id = wb_rows_uuid(rows, col) }, *found;

	found = bsearch(&wanted, load->known, load->n_known,
	                sizeof(*load->known), compare_known);
	return found != NULL ? found->event : NULL;
}

/* One that came between the two statements is not known. */
static void
read_confirm(struct load *load, size_t service, struct wb_rows *rows)
{
	struct wb_story_event *event = event_of(load, rows, 0);

	(void)service;
	if (event != NULL && event->is_published)
		event->confirmed_us = wb_rows_i64(rows, 2);
}

static const struct question confirm_rows = {
	.of = { [WB_SERVICE_orders] = &trace_sql_confirms,
	        [WB_SERVICE_inventory] = &trace_sql_confirms,
	        [WB_SERVICE_payments] = &trace_sql_confirms,
	        [WB_SERVICE_shipping] = &trace_sql_confirms },
	.bind = bind_texts,
	.read = read_confirm,
};

/* ---- what consumers did ---- */

static struct wb_pg_args *
bind_events(const struct load *load, size_t service)
{
	struct wb_pg_args *args = wb_pg_args_new();
	size_t array;

	wb_pg_arg_text(args, wb_services[service].name);
	array = wb_pg_arg_array(args, WB_PG_UUID);
	for (size_t i = 0; i < load->n_known; i++)
		wb_pg_elem_uuid(args, array, &load->known[i].id);
	return args;
}

enum {
	KIND,
	EVENT_ID,
	AT,
	NTH,
	IS_LAST,
	DUE,
	SENT,
	PARKED,
	CODE,
	ERROR,
	JOB,
	OUTCOME
};

static void
read_handled(struct load *load, struct wb_story_delivery *delivery,
             struct wb_rows *rows)
{
	(void)load;
	delivery->handled_us = wb_rows_i64(rows, AT);
}

static void
read_started(struct load *load, struct wb_story_delivery *delivery,
             struct wb_rows *rows)
{
	(void)load;
	delivery->started_us = wb_rows_i64(rows, AT);
	delivery->starts = wb_rows_i64(rows, NTH);
}

static void
read_failed(struct load *load, struct wb_story_delivery *delivery,
            struct wb_rows *rows)
{
	struct wb_story_attempt *attempt =
	    wb_arena_alloc(load->stories->arena, sizeof(*attempt));
	bool is_discarded = !wb_rows_is_null(rows, OUTCOME);

	attempt->failed_us = wb_rows_i64(rows, AT);
	attempt->nth = wb_rows_i64(rows, NTH);
	attempt->is_last = wb_rows_bool(rows, IS_LAST);
	attempt->due_us = wb_rows_i64(rows, DUE);
	attempt->sent_us = is_discarded ? 0 : wb_rows_i64(rows, SENT);
	attempt->discarded_us = is_discarded ? wb_rows_i64(rows, SENT) : 0;
	attempt->parked_us = wb_rows_i64(rows, PARKED);
	attempt->code = keep(load, rows, CODE);
	attempt->error = keep(load, rows, ERROR);
	attempt->replay = keep(load, rows, JOB);
	wb_story_add_attempt(delivery, attempt);
}

static void
read_deed(struct load *load, struct wb_story_delivery *delivery,
          struct wb_rows *rows)
{
	struct wb_story_deed *deed =
	    wb_arena_alloc(load->stories->arena, sizeof(*deed));

	deed->at_us = wb_rows_i64(rows, AT);
	deed->is_sent = !wb_rows_is_null(rows, SENT);
	deed->kind = keep(load, rows, KIND);
	deed->who = keep(load, rows, CODE);
	deed->why = keep(load, rows, ERROR);
	deed->job = keep(load, rows, JOB);
	deed->outcome = keep(load, rows, OUTCOME);
	wb_story_add_deed(delivery, deed);
}

static void
read_fact(struct load *load, size_t service, struct wb_rows *rows)
{
	static const struct {
		const char *kind; /* NULL: any other one */
		void (*read)(struct load *load,
		             struct wb_story_delivery *delivery,
		             struct wb_rows *rows);
	} kinds[] = {
		{ "handled", read_handled },
		{ "started", read_started },
		{ "failed", read_failed },
		{ NULL, read_deed },
	};
	struct wb_story_event *event = event_of(load, rows, EVENT_ID);
	size_t i = 0;

	WB_ASSERT(event != NULL);
	while (kinds[i].kind != NULL &&
	       strcmp(kinds[i].kind, wb_rows_text(rows, KIND)) != 0)
		i++;
	kinds[i].read(load, &event->deliveries[service], rows);
}

static const struct question fact_rows = {
	.of = { [WB_SERVICE_orders] = &trace_sql_facts,
	        [WB_SERVICE_inventory] = &trace_sql_facts,
	        [WB_SERVICE_payments] = &trace_sql_facts,
	        [WB_SERVICE_shipping] = &trace_sql_facts,
	        [WB_SERVICE_history] = &trace_sql_facts,
	        [WB_SERVICE_notifications] = &trace_sql_facts },
	.bind = bind_events,
	.read = read_fact,
};

/* ---- all of it ---- */

static enum wb_err
open_all(struct load *load, struct wb_note *note)
{
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		if (fact_rows.of[i] != NULL)
			err = wb_db_open(load->cli, wb_services[i].name,
			                 &load->dbs[i], note);
	return err;
}

static void
make_stories(struct wb_stories *stories, const struct wb_uuid *ids, size_t n)
{
	stories->arena = wb_arena_new();
	stories->list =
	    wb_arena_alloc(stories->arena, n * sizeof(*stories->list));
	stories->n = n;
	for (size_t i = 0; i < n; i++)
		wb_story_init(&stories->list[i], stories->arena, &ids[i]);
}

/* A handled event, its answer and the state behind it are one commit; so events
 * are asked for again at the end, and no handled one seems to be without an
 * answer that it has. What has come meanwhile is not yet known to anybody. */
static void
ask_all(struct load *load, unsigned what)
{
	ask(load, &order_rows);
	ask(load, &event_rows);
	ask(load, &log_rows);
	know_events(load);
	ask(load, &fact_rows);
	ask(load, &step_rows);
	ask(load, &event_rows);
	if (what & WB_STORIES_CONFIRMS)
		ask(load, &confirm_rows);
}

void
wb_stories_fini(struct wb_stories *stories)
{
	wb_arena_free(stories->arena);
	stories->arena = NULL;
}

enum wb_err
wb_stories_load(struct wb_cli *cli, const struct wb_uuid *ids, size_t n,
                unsigned what, struct wb_stories *ret_stories,
                struct wb_note *note)
{
	struct load load = { .cli = cli, .stories = ret_stories };
	enum wb_err err;

	make_stories(ret_stories, ids, n);
	err = open_all(&load, note);
	if (err == WB_OK)
		ask_all(&load, what);
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		wb_db_close(load.dbs[i]);
	for (size_t i = 0; i < n; i++) {
		struct wb_story *story = &ret_stories->list[i];

		memcpy(story->gaps, load.gaps, sizeof(story->gaps));
		story->asked_us = wb_wall_us();
		wb_story_end(story);
		if (err == WB_OK && (what & WB_STORIES_LETTERS) != 0)
			trace_look(cli, story);
	}
	if (err != WB_OK)
		wb_stories_fini(ret_stories);
	return err;
}
