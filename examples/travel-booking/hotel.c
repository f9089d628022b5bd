/* hotel: the second step. */
#include "step.h"

static enum wb_err
parse_book(const struct wb_event *event, void *payload, struct wb_arena *arena,
           struct wb_note *note)
{
	(void)arena;
	return travel_parse_book(event, payload, "/trip/hotel", note);
}

static const struct wb_answer answers[] = {
	{ "BOOKED", &travel_hotel_booked, WB_OK },
	{ "REFUSED", &travel_hotel_refused, WB_OK },
	{ "RELEASED", &travel_hotel_released, WB_OK },
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
	&travel_hotel_booked,
	&travel_hotel_refused,
	&travel_hotel_released,
};

static const struct wb_handler on_flight_booked = {
	.name = "on_flight_booked",
	.on = &travel_flight_booked,
	.parse = parse_book,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

static const struct wb_handler on_car_refused = {
	.name = "on_car_refused",
	.on = &travel_car_refused,
	.parse = travel_parse_release,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

const struct wb_handler *const travel_hotel_handlers[] = {
	&on_flight_booked,
	&on_car_refused,
	NULL,
};
