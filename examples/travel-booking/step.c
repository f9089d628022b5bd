/* Deciding a step's reservations. */
#include "step.h"

#include "saga/subject.h"

const struct wb_pg_stmt travel_step_stmt = {
	.name = "move_reservations",
	.sql = "SELECT * FROM move_reservations($1::int[], $2::uuid[], "
	       "$3::uuid[], $4::text[], $5::text[], $6::json[])",
};

const enum wb_pg_elem travel_step_columns[4] = {
	WB_PG_UUID,
	WB_PG_TEXT,
	WB_PG_TEXT,
	WB_PG_JSON,
};

void
travel_step_bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct travel_step *p = payload;

	wb_pg_elem_uuid(args, array, &p->trip_id);
	wb_pg_elem_text(args, array + 1, p->move);
	wb_pg_elem_text(args, array + 2, p->code);
	wb_pg_elem_text(args, array + 3, p->cause);
}

enum wb_err
travel_parse_book(const struct wb_event *event, void *payload, const char *path,
                  struct wb_note *note)
{
	struct travel_step *p = payload;
	enum wb_err err =
	    wb_subject_id(event, "/trip/trip_id", note, &p->trip_id);

	p->move = "BOOK";
	if (err == WB_OK)
		err = wb_data_text(event->data, path, note, &p->code);
	return err;
}

enum wb_err
travel_parse_release(const struct wb_event *event, void *payload,
                     struct wb_arena *arena, struct wb_note *note)
{
	struct travel_step *p = payload;
	enum wb_err err =
	    wb_subject_id(event, "/trip/trip_id", note, &p->trip_id);

	p->move = "RELEASE";
	if (err == WB_OK)
		err =
		    wb_subject_member(event, "/cause", arena, note, &p->cause);
	return err;
}
