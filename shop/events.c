#include "shop/events.h"

#include "base/attr.h"

#define X(name_, type_, aggregate_)                                            \
	const struct wb_event_type shop_##name_ = {                            \
		.name = (type_),                                               \
		.aggregate = (aggregate_),                                     \
	};
SHOP_EVENT_TABLE(X)
#undef X

const struct wb_event_type *const shop_events[] = {
#define X(name, type, aggregate) &shop_##name,
	SHOP_EVENT_TABLE(X)
#undef X
};

const size_t shop_n_events = WB_ARRAY_LEN(shop_events);
