/* notices: tells travellers how their trips ended. Stands beside the chain and
 * answers with nothing. */
#include "events.h"
#include "roles.h"

#include "saga/subject.h"

struct payload {
	struct wb_uuid trip_id;
	const char *traveller;
	const char *words;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err =
	    wb_subject_id(event, "/trip/trip_id", note, &p->trip_id);

	if (err == WB_OK)
		err = wb_data_text(event->data, "/trip/traveller", note,
		                   &p->traveller);
	return err;
}

static enum wb_err
parse_booked(const struct wb_event *event, void *payload,
             struct wb_arena *arena, struct wb_note *note)
{
	struct payload *p = payload;

	(void)arena;
	p->words = "Your trip is booked.";
	return parse(event, payload, note);
}

static enum wb_err
parse_failed(const struct wb_event *event, void *payload,
             struct wb_arena *arena, struct wb_note *note)
{
	struct payload *p = payload;
	const char *detail;
	enum wb_err err = parse(event, payload, note);

	if (err == WB_OK)
		err = wb_data_text(event->data, "/cause/detail", note, &detail);
	if (err == WB_OK)
		p->words = wb_arena_printf(
		    arena, "Your trip is not booked: %s.", detail);
	return err;
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	wb_pg_elem_uuid(args, array, &p->trip_id);
	wb_pg_elem_text(args, array + 1, p->traveller);
	wb_pg_elem_text(args, array + 2, p->words);
}

static const struct wb_pg_stmt stmt = {
	.name = "write_notices",
	.sql = "SELECT write_notices($1::int[], $2::uuid[], $3::uuid[], "
	       "$4::text[], $5::text[])",
};

static const enum wb_pg_elem columns[] = {
	WB_PG_UUID,
	WB_PG_TEXT,
	WB_PG_TEXT,
};

#define NOTICE                                                                 \
	.payload_size = sizeof(struct payload), .stmt = &stmt,                 \
	.columns = columns, .n_columns = WB_ARRAY_LEN(columns), .bind = bind

static const struct wb_handler on_trip_booked = {
	.name = "on_trip_booked",
	.on = &travel_trip_booked,
	.parse = parse_booked,
	NOTICE,
};

static const struct wb_handler on_trip_failed = {
	.name = "on_trip_failed",
	.on = &travel_trip_failed,
	.parse = parse_failed,
	NOTICE,
};

const struct wb_handler *const travel_notices_handlers[] = {
	&on_trip_booked,
	&on_trip_failed,
	NULL,
};
