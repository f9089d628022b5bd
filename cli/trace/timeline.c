#include "timeline.h"

#include "base/attr.h"
#include "base/clock.h"
#include "expect.h"
#include "term.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(WB_TIMELINE_SPAN_BYTES >= WB_TERM_AGE_BYTES, "room for an age");

/* What happened to an event. */
struct line {
	int64_t at_us; /* 0: not known, or not over; such lines are the last */
	size_t place;
	enum wb_style style;
	const char *text;
};

struct telling {
	const struct wb_cli *cli;
	const struct wb_story *story;
	struct wb_arena *arena;
	struct wb_buf *out;
	bool is_brief;
	/* Of the event in hand. */
	const struct wb_story_event *event;
	struct line *lines;
	size_t n_lines;
};

char *
wb_timeline_span(int64_t us, char text[WB_TIMELINE_SPAN_BYTES])
{
	if (us < 10000000)
		(void)snprintf(text, WB_TIMELINE_SPAN_BYTES, "%.1fms",
		               (double)us / 1000);
	else
		(void)wb_term_age(us / 1000, text);
	return text;
}

/* What others have said may hold anything; none of it shall command the
 * terminal. */
static void
put(struct telling *t, enum wb_style style, const char *text)
{
	if (style != WB_STYLE_NONE)
		wb_buf_adds(t->out, wb_style(t->cli, style));
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		wb_buf_add(t->out, c < ' ' || c == 0x7f ? " " : text, 1);
	}
	if (style != WB_STYLE_NONE)
		wb_buf_adds(t->out, wb_style(t->cli, WB_STYLE_NONE));
}

static void
put_line(struct telling *t, enum wb_style style, const char *text)
{
	put(t, style, text);
	wb_buf_adds(t->out, "\n");
}

/* Since the order was placed. */
static const char *
after(struct telling *t, int64_t at_us)
{
	char span[WB_TIMELINE_SPAN_BYTES];

	if (at_us == 0)
		return "";
	(void)wb_timeline_span(at_us - wb_story_began_us(t->story), span);
	return wb_arena_strdup(t->arena, span);
}

/* "in 12s", "4.1ms ago" */
static const char *
from_now(struct telling *t, int64_t at_us)
{
	char span[WB_TIMELINE_SPAN_BYTES];
	int64_t us = at_us - t->story->asked_us;

	(void)wb_timeline_span(us < 0 ? -us : us, span);
	return us < 0 ? wb_arena_printf(t->arena, "%s ago", span)
	              : wb_arena_printf(t->arena, "in %s", span);
}

static const char *
code_and_words(struct telling *t, const char *code, const char *words)
{
	return wb_arena_printf(t->arena, "%s%s%s", code,
	                       code[0] != '\0' && words[0] != '\0' ? ": " : "",
	                       words);
}

/* ---- what happened to an event ---- */

static void
add_line(struct telling *t, int64_t at_us, enum wb_style style,
         const char *text)
{
	t->lines[t->n_lines] = (struct line){
		.at_us = at_us,
		.place = t->n_lines,
		.style = style,
		.text = text,
	};
	t->n_lines++;
}

static void
tell_relay(struct telling *t)
{
	const struct wb_story_event *e = t->event;

	if (e->is_published && !t->is_brief)
		add_line(t, e->confirmed_us, WB_STYLE_DIM, "published");
	if (e->discarded_us != 0)
		add_line(t, e->discarded_us, WB_STYLE_BAD,
		         wb_arena_printf(t->arena, "discarded by %s: %s",
		                         e->discarded_by, e->discarded_why));
	else if (e->parked_us != 0)
		add_line(t, e->parked_us, WB_STYLE_BAD,
		         wb_arena_printf(t->arena, "parked by the relay: %s",
		                         e->held_reason));
	else if (e->is_held && e->retry_us != 0)
		add_line(t, 0, WB_STYLE_WARN,
		         wb_arena_printf(t->arena,
		                         "refused by the broker %lld times, "
		                         "again %s: %s",
		                         (long long)e->held_attempts,
		                         from_now(t, e->retry_us),
		                         e->held_reason));
	else if (!e->is_published)
		add_line(t, 0, WB_STYLE_WARN,
		         e->is_held ? "not published: an earlier event of the "
		                      "order is not"
		                    : "not published yet");
}

static void
tell_attempt(struct telling *t, const char *consumer,
             const struct wb_story_attempt *attempt)
{
	const char *then = "dead-lettered";

	if (!attempt->is_last)
		then = wb_arena_printf(t->arena, "again at %s",
		                       after(t, attempt->due_us));
	add_line(
	    t, attempt->failed_us,
	    attempt->is_last ? WB_STYLE_BAD : WB_STYLE_WARN,
	    wb_arena_printf(t->arena, "%s failed, attempt %lld, %s: %s",
	                    consumer, (long long)attempt->nth, then,
	                    code_and_words(t, attempt->code, attempt->error)));
}

static void
tell_deed(struct telling *t, const char *consumer,
          const struct wb_story_deed *deed)
{
	const char *outcome = deed->outcome;

	if (outcome[0] == '\0')
		outcome = deed->is_sent ? "no verdict yet" : "not sent";
	add_line(t, deed->at_us, WB_STYLE_NONE,
	         wb_arena_printf(t->arena, "%s: %s by %s, %s (%s%s%s)",
	                         consumer, deed->kind, deed->who, outcome,
	                         deed->job, deed->why[0] != '\0' ? "; " : "",
	                         deed->why));
}

static void
tell_fate(struct telling *t, size_t consumer)
{
	const struct wb_story_delivery *d = &t->event->deliveries[consumer];
	const struct wb_story_attempt *last = wb_story_last_attempt(d);
	const char *name = wb_services[consumer].name;

	if (d->fate == WB_FATE_HANDLED && (!t->is_brief || last != NULL))
		add_line(t, d->handled_us, WB_STYLE_GOOD,
		         wb_arena_printf(t->arena, "handled by %s", name));
	else if (d->fate == WB_FATE_WAITING)
		add_line(
		    t, 0, WB_STYLE_WARN,
		    wb_arena_printf(t->arena, "not handled by %s yet", name));
	else if (d->fate == WB_FATE_SCHEDULED && last->parked_us != 0)
		add_line(t, last->parked_us, WB_STYLE_BAD,
		         wb_arena_printf(t->arena,
		                         "parked on its way back "
		                         "to %s",
		                         name));
	else if (d->fate == WB_FATE_SCHEDULED)
		add_line(t, 0, WB_STYLE_WARN,
		         wb_arena_printf(t->arena, "due again at %s %s", name,
		                         from_now(t, last->due_us)));
	else if (d->fate == WB_FATE_DEAD && d->letter != NULL)
		add_line(t, 0, WB_STYLE_BAD,
		         wb_arena_printf(t->arena, "lies in %s: %s",
		                         wb_services[consumer].dead_letters,
		                         code_and_words(t, d->letter->code,
		                                        d->letter->error)));
	else if (d->fate == WB_FATE_GIVEN_UP && last != NULL &&
	         last->discarded_us != 0)
		add_line(t, last->discarded_us, WB_STYLE_BAD,
		         wb_arena_printf(
		             t->arena, "given up on its way to %s",
		             last->is_last ? wb_services[consumer].dead_letters
		                           : name));
	else if (d->fate == WB_FATE_GIVEN_UP && t->event->is_published)
		add_line(t, 0, WB_STYLE_BAD,
		         wb_arena_printf(t->arena, "given up: no longer in %s",
		                         wb_services[consumer].dead_letters));
	else if (d->fate == WB_FATE_UNKNOWN)
		add_line(t, 0, WB_STYLE_DIM,
		         wb_arena_printf(t->arena,
		                         "%s: nothing is known (any "
		                         "more)",
		                         name));
}

static void
tell_delivery(struct telling *t, size_t consumer)
{
	const struct wb_story_delivery *d = &t->event->deliveries[consumer];
	const char *name = wb_services[consumer].name;

	for (const struct wb_story_attempt *at = d->attempts; at != NULL;
	     at = at->next)
		tell_attempt(t, name, at);
	for (const struct wb_story_deed *at = d->deeds; at != NULL;
	     at = at->next)
		tell_deed(t, name, at);
	if (d->starts > 0 && d->handled_us == 0)
		add_line(t, d->started_us, WB_STYLE_BAD,
		         wb_arena_printf(t->arena,
		                         "%s began it %lld times without an "
		                         "end",
		                         name, (long long)d->starts));
	if (d->is_routed)
		tell_fate(t, consumer);
}

static int
compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int64_t x_us = x->at_us != 0 ? x->at_us : INT64_MAX;
	int64_t y_us = y->at_us != 0 ? y->at_us : INT64_MAX;

	if (x_us != y_us)
		return x_us < y_us ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* How many lines there may be. */
static size_t
count_lines(const struct wb_story_event *event)
{
	size_t n = 2;

	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		const struct wb_story_delivery *d = &event->deliveries[i];

		n += 2;
		for (const struct wb_story_attempt *at = d->attempts;
		     at != NULL; at = at->next)
			n++;
		for (const struct wb_story_deed *at = d->deeds; at != NULL;
		     at = at->next)
			n++;
	}
	return n;
}

static void
tell_event(struct telling *t, const struct wb_story_event *event)
{
	t->event = event;
	t->n_lines = 0;
	t->lines =
	    wb_arena_alloc(t->arena, count_lines(event) * sizeof(*t->lines));
	tell_relay(t);
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		tell_delivery(t, i);
	if (t->n_lines > 0)
		qsort(t->lines, t->n_lines, sizeof(*t->lines), compare);

	wb_buf_printf(t->out, "%9s  ", after(t, event->at_us));
	put(t, WB_STYLE_BOLD, event->type);
	wb_buf_printf(t->out, "  %s #%lld\n", wb_services[event->service].name,
	              (long long)event->sequence);
	for (size_t i = 0; i < t->n_lines; i++) {
		wb_buf_printf(t->out, "%9s    ", after(t, t->lines[i].at_us));
		put_line(t, t->lines[i].style, t->lines[i].text);
	}
}

/* ---- the order ---- */

static void
tell_order(struct telling *t)
{
	const struct wb_story *story = t->story;
	const char *detail, *cause = wb_story_cause(story, &detail);
	int64_t ended_us = wb_story_ended_us(story);
	char time[WB_TIME_TEXT_BYTES];

	wb_buf_printf(t->out, "Order %s: ", story->id_text);
	put(t, WB_STYLE_BOLD, wb_story_status(story));
	if (cause[0] != '\0')
		put(t, WB_STYLE_NONE,
		    wb_arena_printf(t->arena, " (%s)",
		                    code_and_words(t, cause, detail)));
	wb_buf_printf(t->out, "\nplaced %s",
	              wb_time_format(wb_story_began_us(story), time));
	if (story->customer[0] != '\0')
		put(t, WB_STYLE_NONE,
		    wb_arena_printf(t->arena,
		                    " by customer %s, %lld %s in "
		                    "minor units",
		                    story->customer,
		                    (long long)story->total_minor,
		                    story->currency));
	if (ended_us != 0)
		wb_buf_printf(t->out, "; ended after %s", after(t, ended_us));
	wb_buf_adds(t->out, "\n");
	if (story->is_cancel_refused)
		wb_buf_adds(t->out, "its cancellation was refused: it had been "
		                    "shipped\n");
}

static void
tell_gaps(struct telling *t)
{
	const struct wb_story *story = t->story;

	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (story->gaps[i].text[0] != '\0')
			put_line(t, WB_STYLE_BAD,
			         wb_arena_printf(t->arena,
			                         "Not known, for it could not "
			                         "be asked: %s",
			                         story->gaps[i].text));
	if (story->broker_gap.text[0] != '\0')
		put_line(t, WB_STYLE_BAD,
		         wb_arena_printf(t->arena,
		                         "The dead-letter queues could not be "
		                         "looked at: %s",
		                         story->broker_gap.text));
}

static void
tell_steps(struct telling *t)
{
	wb_buf_adds(t->out, "\nWhere it stands\n");
	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		const struct wb_story_step *step = &t->story->steps[i];

		if (step->status[0] == '\0')
			continue;
		wb_buf_printf(t->out, "%9s  %-14s %s", after(t, step->since_us),
		              wb_services[i].name, step->status);
		if (step->tries > 0)
			wb_buf_printf(t->out, ", tries: %lld",
			              (long long)step->tries);
		if (step->detail[0] != '\0')
			put(t, WB_STYLE_NONE,
			    wb_arena_printf(t->arena, ", %s", step->detail));
		wb_buf_adds(t->out, "\n");
	}
}

static void
tell_compensation(struct telling *t)
{
	struct wb_compensation c = wb_story_compensation(t->story);

	if (c.trigger == NULL)
		return;
	wb_buf_adds(t->out, c.is_over ? "\nTaken back" : "\nBeing taken back");
	wb_buf_printf(t->out, ", since %s at %s\n", c.trigger->type,
	              after(t, c.trigger->at_us));
	wb_buf_printf(t->out, "           money          %-11s %s\n",
	              c.money[0] != '\0' ? c.money : "-", c.money_means);
	wb_buf_printf(t->out, "           goods          %-11s %s\n",
	              c.goods[0] != '\0' ? c.goods : "-", c.goods_means);
}

static void
tell_expectation(struct telling *t, const struct wb_expectation *e)
{
	enum wb_style style =
	    wb_expect_needs_hand(e) ? WB_STYLE_BAD : WB_STYLE_WARN;

	wb_buf_printf(t->out, "%9s  ", after(t, e->since_us));
	put(t, style, wb_arena_printf(t->arena, "%s: %s", e->who, e->what));
	if (e->due_us != 0)
		wb_buf_printf(t->out, ", %s",
		              e->due_us <= t->story->asked_us
		                  ? wb_arena_printf(t->arena, "due %s",
		                                    from_now(t, e->due_us))
		                  : from_now(t, e->due_us));
	wb_buf_adds(t->out, "\n");
	if (e->n_answers == 0 || t->is_brief)
		return;
	wb_buf_adds(t->out, "             then ");
	for (size_t i = 0; i < e->n_answers; i++)
		wb_buf_printf(t->out, "%s%s",
		              i == 0                 ? ""
		              : i + 1 < e->n_answers ? ", "
		                                     : " or ",
		              e->answers[i]);
	wb_buf_adds(t->out, "\n");
}

static void
tell_expected(struct telling *t)
{
	struct wb_expectation *list;
	size_t n = wb_story_expect(t->story, &list);

	if (n == 0)
		return;
	wb_buf_adds(t->out, "\nExpected next\n");
	for (size_t i = 0; i < n; i++)
		tell_expectation(t, &list[i]);
}

void
wb_timeline_print(const struct wb_cli *cli, const struct wb_story *story,
                  bool is_brief, struct wb_buf *out)
{
	struct telling t = {
		.cli = cli,
		.story = story,
		.arena = wb_arena_new(),
		.out = out,
		.is_brief = is_brief,
	};

	tell_order(&t);
	tell_gaps(&t);
	wb_buf_adds(out, "\n    AFTER  WHAT\n");
	for (size_t i = 0; i < story->n_events; i++)
		tell_event(&t, story->events[i]);
	if (!is_brief)
		tell_steps(&t);
	tell_compensation(&t);
	tell_expected(&t);
	wb_arena_free(t.arena);
}
