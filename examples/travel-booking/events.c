#include "events.h"

#define X(name_, type_)                                                        \
	const struct wb_event_type travel_##name_ = {                          \
		.name = (type_),                                               \
		.aggregate = "trip",                                           \
	};
TRAVEL_EVENT_TABLE(X)
#undef X
