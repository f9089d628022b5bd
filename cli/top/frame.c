/* What `waybill top` shows to people. */
#include "top.h"

#include "base/clock.h"
#include "list.h"
#include "term.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Below, an open transaction is nothing to look at. */
#define SHOWN_OPEN_MS 1000

static void
print_title(const struct wb_top *top, bool is_live, FILE *out)
{
	char now[WB_TIME_TEXT_BYTES];

	(void)wb_time_format(wb_wall_us(), now);
	(void)fprintf(out, "%swaybill top%s  %.10s %.8s UTC",
	              wb_style(top->cli, WB_STYLE_BOLD),
	              wb_style(top->cli, WB_STYLE_NONE), now, now + 11);
	if (is_live)
		(void)fprintf(out, ", every %.1f s; q leaves",
		              (double)top->interval_ms / 1000);
	(void)fputs("\n", out);
}

/* "Broker     rabbit@a: memory alarm" */
static void
print_trouble(const struct wb_top *top, const char *name, const char *why,
              FILE *out)
{
	(void)fprintf(out, "%-12s %s%s%s\n", name,
	              wb_style(top->cli, WB_STYLE_BAD), why,
	              wb_style(top->cli, WB_STYLE_NONE));
}

/* ---- the broker ---- */

static void
print_queues(const struct wb_top *top, FILE *out)
{
	static const struct wb_column columns[] = {
		{ .key = "name", .title = "QUEUE" },
		{ .key = "ready", .title = "READY", .is_right = true },
		{ .key = "unacked", .title = "UNACKED", .is_right = true },
		{ .key = "in", .title = "IN/S", .is_right = true },
		{ .key = "out", .title = "OUT/S", .is_right = true },
		{ .key = "consumers", .title = "CONSUMERS", .is_right = true },
		{ .key = "dead", .title = "DEAD LETTERS", .is_right = true },
	};
	struct wb_list *list =
	    wb_list_new(top->cli, "queues", columns, WB_ARRAY_LEN(columns));
	char rate[32];

	wb_list_to(list, out);
	for (size_t i = 0; i < top->broker.n_queues; i++) {
		const struct wb_top_queue *queue = &top->broker.queues[i];

		wb_list_text(list, queue->name);
		wb_list_i64(list, queue->ready);
		wb_list_i64(list, queue->unacked);
		(void)snprintf(rate, sizeof(rate), "%.1f", queue->in_per_s);
		wb_list_text(list, rate);
		(void)snprintf(rate, sizeof(rate), "%.1f", queue->out_per_s);
		wb_list_text(list, rate);
		if (queue->consumers == 0)
			wb_list_style(list, WB_STYLE_WARN);
		wb_list_i64(list, queue->consumers);
		if (queue->dead > 0)
			wb_list_style(list, WB_STYLE_BAD);
		if (queue->dead < 0)
			wb_list_null(list);
		else
			wb_list_i64(list, queue->dead);
	}
	wb_list_end(list, "There are no queues.");
}

static void
print_broker(const struct wb_top *top, FILE *out)
{
	const char *why = wb_top_trouble(&top->broker.source);

	if (why != NULL)
		print_trouble(top, "Broker", why, out);
	else if (top->broker.alarms.len > 0)
		print_trouble(top, "Broker", wb_buf_text(&top->broker.alarms),
		              out);
	else
		(void)fprintf(out, "%-12s no alarm\n", "Broker");
}

/* ---- sagas ---- */

static void
print_saga(const struct wb_top_database *database, FILE *out)
{
	const struct wb_top_saga *saga = database->saga;
	char age[WB_TERM_AGE_BYTES];
	bool is_first = true;

	(void)fprintf(out, "%-12s ", saga->title);
	for (size_t i = 0; i < saga->n_keys; i++) {
		int64_t value = database->saga_values[i];

		if (value < 0)
			continue;
		(void)fputs(is_first ? "" : ", ", out);
		if (strcmp(saga->keys[i], "oldest_ms") == 0)
			(void)fprintf(out, "oldest %s",
			              wb_term_age(value, age));
		else
			(void)fprintf(out, "%" PRId64 " %s", value,
			              saga->keys[i]);
		is_first = false;
	}
	(void)fputs("\n", out);
}

static void
print_sagas(const struct wb_top *top, FILE *out)
{
	for (size_t i = 0; i < top->n_databases; i++) {
		const struct wb_top_database *database = &top->databases[i];

		if (database->has_saga &&
		    wb_top_trouble(&database->source) == NULL)
			print_saga(database, out);
	}
}

/* ---- outboxes ---- */

static void
add_number(struct wb_list *list, int64_t value, bool is_bad)
{
	if (is_bad && value > 0)
		wb_list_style(list, WB_STYLE_BAD);
	wb_list_i64(list, value);
}

static void
add_transaction(struct wb_list *list, const struct wb_outbox_overview *o)
{
	int64_t open_ms = o->numbers[WB_OUTBOX_OPEN_MS];
	char age[WB_TERM_AGE_BYTES], text[256];

	if (open_ms < SHOWN_OPEN_MS) {
		wb_list_null(list);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s by %s",
	               wb_term_age(open_ms, age), o->open_by);
	if (o->numbers[WB_OUTBOX_OPEN_PID] >= 0)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		               " (pid %" PRId64 ")",
		               o->numbers[WB_OUTBOX_OPEN_PID]);
	wb_list_text(list, text);
}

static void
add_outbox(struct wb_list *list, const struct wb_top_database *database)
{
	const int64_t *numbers = database->overview.numbers;
	char rate[32];

	wb_list_text(list, database->name);
	add_number(list, numbers[WB_OUTBOX_EVENTS], false);
	if (numbers[WB_OUTBOX_OLDEST_MS] < 0)
		wb_list_null(list);
	else
		wb_list_age_ms(list, numbers[WB_OUTBOX_OLDEST_MS]);
	add_number(list, numbers[WB_OUTBOX_HELD], true);
	add_number(list, numbers[WB_OUTBOX_DUE], false);
	add_number(list, numbers[WB_OUTBOX_SCHEDULED], false);
	add_number(list, numbers[WB_OUTBOX_PARKED], true);
	(void)snprintf(rate, sizeof(rate), "%.1f", database->events_per_s);
	wb_list_text(list, database->events_per_s < 0 ? NULL : rate);
	add_transaction(list, &database->overview);
}

static void
print_outboxes(const struct wb_top *top, FILE *out)
{
	static const struct wb_column columns[] = {
		{ .key = "name", .title = "OUTBOX" },
		{ .key = "events", .title = "EVENTS", .is_right = true },
		{ .key = "oldest", .title = "OLDEST", .is_right = true },
		{ .key = "held", .title = "HELD", .is_right = true },
		{ .key = "due", .title = "DUE", .is_right = true },
		{ .key = "scheduled", .title = "SCHED", .is_right = true },
		{ .key = "parked", .title = "PARKED", .is_right = true },
		{ .key = "rate", .title = "EVENTS/S", .is_right = true },
		{ .key = "open", .title = "OPEN TRANSACTION" },
	};
	struct wb_list *list =
	    wb_list_new(top->cli, "outboxes", columns, WB_ARRAY_LEN(columns));

	wb_list_to(list, out);
	for (size_t i = 0; i < top->n_databases; i++)
		if (wb_top_trouble(&top->databases[i].source) == NULL)
			add_outbox(list, &top->databases[i]);
	wb_list_end(list, NULL);
	for (size_t i = 0; i < top->n_databases; i++) {
		const char *why = wb_top_trouble(&top->databases[i].source);

		if (why != NULL)
			print_trouble(top, top->databases[i].name, why, out);
	}
}

void
wb_top_print_frame(const struct wb_top *top, bool is_live, FILE *out)
{
	print_title(top, is_live, out);
	if (top->has_broker)
		print_broker(top, out);
	print_sagas(top, out);
	if (top->has_broker && wb_top_trouble(&top->broker.source) == NULL) {
		(void)fputs("\n", out);
		print_queues(top, out);
	}
	(void)fputs("\n", out);
	print_outboxes(top, out);
}
