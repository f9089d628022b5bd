/* What a type of event is. The types themselves are given by whoever builds a
 * system of services (shop/events.h): nothing in lib/ knows one of them. A type
 * is one object; two types are the same when their addresses are. */
#ifndef WB_EVENT_TYPES_H
#define WB_EVENT_TYPES_H

struct wb_event_type {
	const char *name; /* "order.placed.v1"; also its routing key */
	/* What it is about: "order". Also the member of data that holds the
	 * aggregate's snapshot, where the events of a saga carry one on
	 * (data.order). */
	const char *aggregate;
};

#endif
