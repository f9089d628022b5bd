/* flight: the first step, and so the last one to be undone. */
#include "step.h"

static enum wb_err
parse_book(const struct wb_event *event, void *payload, struct wb_arena *arena,
           struct wb_note *note)
{
	(void)arena;
	return travel_parse_book(event, payload, "/trip/flight", note);
}

static const struct wb_answer answers[] = {
	{ "BOOKED", &travel_flight_booked, WB_OK },
	{ "REFUSED", &travel_flight_refused, WB_OK },
	{ "RELEASED", &travel_flight_released, WB_OK },
	{ "NOT_ANSWERING", NULL, WB_ERR_NOT_YET },
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
	&travel_flight_booked,
	&travel_flight_refused,
	&travel_flight_released,
};

static const struct wb_handler on_trip_requested = {
	.name = "on_trip_requested",
	.on = &travel_trip_requested,
	.parse = parse_book,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

static const struct wb_handler on_hotel_refused = {
	.name = "on_hotel_refused",
	.on = &travel_hotel_refused,
	.parse = travel_parse_release,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

static const struct wb_handler on_hotel_released = {
	.name = "on_hotel_released",
	.on = &travel_hotel_released,
	.parse = travel_parse_release,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

const struct wb_handler *const travel_flight_handlers[] = {
	&on_trip_requested,
	&on_hotel_refused,
	&on_hotel_released,
	NULL,
};
