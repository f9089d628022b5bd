/* What `waybill top --json` tells: a line per look. */
#include "top.h"

#include "base/clock.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

static void
add_number(struct wb_json *json, const char *name, int64_t value)
{
	if (value < 0)
		wb_json_null(json, name);
	else
		wb_json_i64(json, name, value);
}

static void
add_queues(struct wb_json *json, const struct wb_top_broker *broker)
{
	wb_json_array(json, "queues");
	for (size_t i = 0; i < broker->n_queues; i++) {
		const struct wb_top_queue *queue = &broker->queues[i];

		wb_json_object(json, NULL);
		wb_json_text(json, "queue", queue->name);
		wb_json_i64(json, "ready", queue->ready);
		wb_json_i64(json, "unacked", queue->unacked);
		wb_json_double(json, "in_per_s", queue->in_per_s);
		wb_json_double(json, "out_per_s", queue->out_per_s);
		wb_json_i64(json, "consumers", queue->consumers);
		add_number(json, "dead_letters", queue->dead);
		wb_json_close(json);
	}
	wb_json_close(json);
}

static void
add_broker(struct wb_json *json, const struct wb_top *top)
{
	const char *why = wb_top_trouble(&top->broker.source);

	wb_json_object(json, "broker");
	wb_json_text(json, "error", why);
	if (why == NULL) {
		wb_json_text(json, "alarms", wb_buf_text(&top->broker.alarms));
		add_queues(json, &top->broker);
	}
	wb_json_close(json);
}

static void
add_outbox(struct wb_json *json, const struct wb_top_database *database)
{
	static const char *const keys[WB_OUTBOX_N_NUMBERS] = {
		[WB_OUTBOX_EVENTS] = "events",
		[WB_OUTBOX_OLDEST_MS] = "oldest_ms",
		[WB_OUTBOX_HELD] = "held",
		[WB_OUTBOX_DUE] = "due",
		[WB_OUTBOX_SCHEDULED] = "scheduled",
		[WB_OUTBOX_PARKED] = "parked",
		[WB_OUTBOX_INSERTED] = "inserted",
		[WB_OUTBOX_OPEN_MS] = "transaction_ms",
		[WB_OUTBOX_OPEN_PID] = "transaction_pid",
	};
	const char *why = wb_top_trouble(&database->source);

	wb_json_object(json, NULL);
	wb_json_text(json, "outbox", database->name);
	wb_json_text(json, "error", why);
	for (size_t i = 0; why == NULL && i < WB_OUTBOX_N_NUMBERS; i++)
		add_number(json, keys[i], database->overview.numbers[i]);
	if (why == NULL && database->overview.numbers[WB_OUTBOX_OPEN_MS] >= 0)
		wb_json_text(json, "transaction_by",
		             database->overview.open_by);
	if (why == NULL && database->events_per_s >= 0)
		wb_json_double(json, "events_per_s", database->events_per_s);
	wb_json_close(json);
}

static void
add_saga(struct wb_json *json, const struct wb_top_database *database)
{
	wb_json_object(json, database->name);
	for (size_t i = 0; i < database->saga->n_keys; i++)
		add_number(json, database->saga->keys[i],
		           database->saga_values[i]);
	wb_json_close(json);
}

void
wb_top_print_line(const struct wb_top *top)
{
	struct wb_json json;
	char now[WB_TIME_TEXT_BYTES];

	wb_json_init(&json, stdout);
	wb_json_object(&json, NULL);
	wb_json_text(&json, "at", wb_time_format(wb_wall_us(), now));
	if (top->has_broker)
		add_broker(&json, top);
	wb_json_array(&json, "outboxes");
	for (size_t i = 0; i < top->n_databases; i++)
		add_outbox(&json, &top->databases[i]);
	wb_json_close(&json);
	wb_json_object(&json, "sagas");
	for (size_t i = 0; i < top->n_databases; i++)
		if (top->databases[i].has_saga &&
		    wb_top_trouble(&top->databases[i].source) == NULL)
			add_saga(&json, &top->databases[i]);
	wb_json_close(&json);
	wb_json_close(&json);
	wb_json_end_line(&json);
	wb_json_fini(&json);
}
