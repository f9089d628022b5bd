/* What a saga participant is made of: one struct wb_handler per event that it
 * handles, in a file of its own, and a table of them.
 *
 * A handler owns nothing and touches no connection: parse turns data into a
 * payload, bind turns payloads into columns, one set-based statement does the
 * work of the whole batch, and read turns each of its rows into events. */
#ifndef WB_SAGA_HANDLER_H
#define WB_SAGA_HANDLER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "event/envelope.h"
#include "event/json.h"
#include "pg/pg.h"

struct wb_emit; /* collects the events of one message */

struct wb_handler {
	const char *name; /* "reserve_stock" */
	const struct wb_event_type *on;
	size_t payload_size; /* the engine allocates it, zeroed */

	/* data → payload. Texts may stay borrowed from event; other memory
	 * comes from the arena; both live until the message's verdict. WB_OK or
	 * SCHEMA_VIOLATION with a note. */
	enum wb_err (*parse)(const struct wb_event *event, void *payload,
	                     struct wb_arena *arena, struct wb_note *note);

	/* The statement for the whole batch. Its first two parameters are given
	 * by the engine: $1::int[] (ord: numbers the messages of this call,
	 * ascending) and $2::uuid[] (event ids); the handler's columns follow
	 * from $3. It returns rows whose first column is ord; a message may
	 * have none or several. Messages come sorted by subject; the statement
	 * locks its rows in that order (SELECT … ORDER BY … FOR UPDATE
	 * first). Handlers with one and the same stmt and columns share its
	 * call: those that lock the same rows must, or two processes would
	 * deadlock. */
	const struct wb_pg_stmt *stmt;

	/* The types of those columns, and one element for each of them. */
	const enum wb_pg_elem *columns;
	size_t n_columns;
	/* Adds exactly one element to each of the n_columns arrays, whose
	 * indexes are array, array + 1, … */
	void (*bind)(const void *payload, struct wb_pg_args *args,
	             size_t array);

	/* A row → events, by wb_emit. May be NULL. Any error but WB_OK undoes
	 * nothing by itself: the statement must have left this message's rows
	 * alone when it reports (in a column) why it could not be handled.
	 * NOT_YET: schedule again; STATE_CONFLICT: dead-letter. */
	enum wb_err (*read)(const struct wb_event *event, const void *payload,
	                    const struct wb_pg_result *result, size_t row,
	                    struct wb_emit *emit, struct wb_note *note);

	/* What it may emit; anything else is a bug (asserted). */
	const struct wb_event_type *const *emits;
	size_t n_emits;
};

/* Adds an event about the same subject (aggregate id) as the one handled;
 * correlation, causation and trace are carried on by the engine. sequence:
 * drawn from the aggregate's row by the statement. data: JSON text, copied. */
void wb_emit(struct wb_emit *emit, const struct wb_event_type *type,
             int64_t sequence, const char *data);

/* As wb_emit with data {"<aggregate>":…, and the members of beside}: the first
 * is the aggregate's snapshot in data of the event handled, carried on (none if
 * that has none); beside is the text of a JSON object, or NULL. */
void wb_emit_with_snapshot(struct wb_emit *emit,
                           const struct wb_event_type *type, int64_t sequence,
                           const char *beside);

/* The usual form of a participant's answer: a row (ord, outcome, sequence,
 * beside), where the outcome decides what is emitted. A handler gives a table
 * of these and calls wb_read_answer from its read. */
struct wb_answer {
	const char *outcome;              /* "RESERVED"; NULL ends the table */
	const struct wb_event_type *emit; /* NULL = nothing */
	enum wb_err err; /* WB_OK, or why it can't be handled */
};

/* Emits what the table says for column 1 of the row, with column 2 as sequence
 * and column 3 (JSON object or NULL) beside the snapshot. An outcome that is
 * not in the table is STATE_CONFLICT; for an error, column 3 becomes the note.
 */
enum wb_err wb_read_answer(const struct wb_answer *answers,
                           const struct wb_pg_result *result, size_t row,
                           struct wb_emit *emit, struct wb_note *note);

/* The memory of the message in hand, for texts that read builds. */
struct wb_arena *wb_emit_arena(struct wb_emit *emit);

#endif
