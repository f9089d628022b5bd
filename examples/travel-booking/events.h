/* The example's catalogue of event types: name, type (= routing key).
 * schema/events/<type>.json describes its data. All are about a trip. */
#ifndef WB_TRAVEL_EVENTS_H
#define WB_TRAVEL_EVENTS_H

#include "event/types.h"

#define TRAVEL_EVENT_TABLE(X)                                                  \
	X(trip_requested, "trip.requested.v1")                                 \
	X(trip_cancel_requested, "trip.cancel_requested.v1")                   \
	X(flight_booked, "flight.booked.v1")                                   \
	X(flight_refused, "flight.refused.v1")                                 \
	X(flight_released, "flight.released.v1")                               \
	X(hotel_booked, "hotel.booked.v1")                                     \
	X(hotel_refused, "hotel.refused.v1")                                   \
	X(hotel_released, "hotel.released.v1")                                 \
	X(car_booked, "car.booked.v1")                                         \
	X(car_refused, "car.refused.v1")                                       \
	X(trip_booked, "trip.booked.v1")                                       \
	X(trip_failed, "trip.failed.v1")

#define X(name, type) extern const struct wb_event_type travel_##name;
TRAVEL_EVENT_TABLE(X)
#undef X

#endif
