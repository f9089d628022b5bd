/* car: the last step, and so the point of no return. A cancellation enters
 * here: with the car booked the trip is, and the answer says so again; with
 * none, the car is refused, which undoes the steps before it. */
#include "step.h"

static enum wb_err
parse_book(const struct wb_event *event, void *payload, struct wb_arena *arena,
           struct wb_note *note)
{
	(void)arena;
	return travel_parse_book(event, payload, "/trip/car", note);
}

static enum wb_err
parse_cancel(const struct wb_event *event, void *payload,
             struct wb_arena *arena, struct wb_note *note)
{
	struct travel_step *p = payload;
	enum wb_err err = travel_parse_release(event, payload, arena, note);

	p->move = "CANCEL";
	return err;
}

static const struct wb_answer answers[] = {
	{ "BOOKED", &travel_car_booked, WB_OK },
	{ "REFUSED", &travel_car_refused, WB_OK },
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
	&travel_car_booked,
	&travel_car_refused,
};

static const struct wb_handler on_hotel_booked = {
	.name = "on_hotel_booked",
	.on = &travel_hotel_booked,
	.parse = parse_book,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

static const struct wb_handler on_trip_cancel_requested = {
	.name = "on_trip_cancel_requested",
	.on = &travel_trip_cancel_requested,
	.parse = parse_cancel,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
	TRAVEL_STEP,
};

const struct wb_handler *const travel_car_handlers[] = {
	&on_hotel_booked,
	&on_trip_cancel_requested,
	NULL,
};
