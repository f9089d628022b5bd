/* What flight, hotel and car have in common: the payload of their handlers and
 * the statement that these share, so that a batch locks its rows in one pass.
 */
#ifndef WB_TRAVEL_STEP_H
#define WB_TRAVEL_STEP_H

#include "events.h"
#include "roles.h"

/* Moves are those of move_reservations() in the schema. */
struct travel_step {
	struct wb_uuid trip_id;
	const char *move;
	const char *code;  /* BOOK; else NULL */
	const char *cause; /* RELEASE, CANCEL: JSON text; else NULL */
};

/* BOOK what stands at path in the event's data ("/trip/hotel"). */
enum wb_err travel_parse_book(const struct wb_event *event, void *payload,
                              const char *path,
                              struct wb_note *note) WB_MUST_USE;

/* RELEASE, for the event's cause: the parse of a handler. */
enum wb_err travel_parse_release(const struct wb_event *event, void *payload,
                                 struct wb_arena *arena,
                                 struct wb_note *note) WB_MUST_USE;

extern const struct wb_pg_stmt travel_step_stmt;
extern const enum wb_pg_elem travel_step_columns[4];
void travel_step_bind(const void *payload, struct wb_pg_args *args,
                      size_t array);

/* What is the same in each handler of a step. */
#define TRAVEL_STEP                                                            \
	.payload_size = sizeof(struct travel_step), .stmt = &travel_step_stmt, \
	.columns = travel_step_columns,                                        \
	.n_columns = WB_ARRAY_LEN(travel_step_columns),                        \
	.bind = travel_step_bind

#endif
