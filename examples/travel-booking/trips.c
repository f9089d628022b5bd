/* trips: how the chain ended is how the trip ended. */
#include "events.h"
#include "roles.h"

#include "saga/subject.h"

/* Moves are those of end_trips() in the schema. */
struct payload {
	struct wb_uuid trip_id;
	const char *move;
	const char *cause; /* FAILED: JSON text; else NULL */
};

static enum wb_err
parse_booked(const struct wb_event *event, void *payload,
             struct wb_arena *arena, struct wb_note *note)
{
	struct payload *p = payload;

	(void)arena;
	p->move = "BOOKED";
	return wb_subject_id(event, "/trip/trip_id", note, &p->trip_id);
}

static enum wb_err
parse_failed(const struct wb_event *event, void *payload,
             struct wb_arena *arena, struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err =
	    wb_subject_id(event, "/trip/trip_id", note, &p->trip_id);

	p->move = "FAILED";
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/cause", arena, note, &p->cause);
	return err;
}

static const struct wb_pg_stmt stmt = {
	.name = "end_trips",
	.sql = "SELECT * FROM end_trips($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::json[])",
};

static const enum wb_pg_elem columns[] = {
	WB_PG_UUID,
	WB_PG_TEXT,
	WB_PG_JSON,
};

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_uuid(args, array, &p->trip_id);
	wb_pg_elem_text(args, array + 1, p->move);
	wb_pg_elem_text(args, array + 2, p->cause);
}

static const struct wb_answer answers[] = {
	{ "BOOKED", &travel_trip_booked, WB_OK },
	{ "FAILED", &travel_trip_failed, WB_OK },
	{ "UNCHANGED", NULL, WB_OK },
	{ NULL, NULL, WB_OK },
};

static enum wb_err
read(const struct wb_event *event, const void *payload,
     const struct wb_pg_result *result, size_t row, struct wb_emit *emit,
     struct wb_note *note)
{
	(void)event;
	(void)payload;
	return wb_read_answer(answers, result, row, emit, note);
}

static const struct wb_event_type *const emits[] = {
	&travel_trip_booked,
	&travel_trip_failed,
};

#define END                                                                    \
	.payload_size = sizeof(struct payload), .stmt = &stmt,                 \
	.columns = columns, .n_columns = WB_ARRAY_LEN(columns), .bind = bind,  \
	.read = read, .emits = emits, .n_emits = WB_ARRAY_LEN(emits)

static const struct wb_handler on_car_booked = {
	.name = "on_car_booked",
	.on = &travel_car_booked,
	.parse = parse_booked,
	END,
};

static const struct wb_handler on_flight_refused = {
	.name = "on_flight_refused",
	.on = &travel_flight_refused,
	.parse = parse_failed,
	END,
};

static const struct wb_handler on_flight_released = {
	.name = "on_flight_released",
	.on = &travel_flight_released,
	.parse = parse_failed,
	END,
};

const struct wb_handler *const travel_trips_handlers[] = {
	&on_car_booked,
	&on_flight_refused,
	&on_flight_released,
	NULL,
};
