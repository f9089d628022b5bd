/* What can go wrong, as one table: name, verdict, text. The verdict says what
 * becomes of the message (or row) in hand. Foreign errors are translated into
 * these at the border (lib/pg, lib/amqp, lib/http) and nowhere else. */
#ifndef WB_BASE_ERR_H
#define WB_BASE_ERR_H

/* ACK    done, forget it
 * RETRY  the message's own, possibly passing failure: costs one attempt
 * WAIT   infrastructure: run it again later, costs no attempt
 * PARK   will never work: dead-letter it with the reason
 * STOP   this process can't go on: leave, be restarted */
#define WB_VERDICT_TABLE(X) X(ACK) X(RETRY) X(WAIT) X(PARK) X(STOP)

enum wb_verdict {
#define X(name) WB_##name,
	WB_VERDICT_TABLE(X)
#undef X
};

#define WB_ERR_TABLE(X)                                                        \
	X(OK, ACK, "ok")                                                       \
	X(DUPLICATE, ACK, "was handled before")                                \
	X(NOT_YET, RETRY, "something that it needs has not arrived yet")       \
	X(FAILED, RETRY, "failed for an unknown reason")                       \
	X(DB_ERROR, RETRY, "the database refused a statement")                 \
	X(DB_SCHEMA, WAIT, "the database lacks what this program needs")       \
	X(DB_CONFLICT, WAIT, "serialization failure or deadlock")              \
	X(DB_LOST, WAIT, "the database connection was lost")                   \
	X(DB_TIMEOUT, WAIT, "the database did not answer in time")             \
	X(BROKER_LOST, WAIT, "the broker connection was lost")                 \
	X(BROKER_REFUSED, WAIT, "the broker refused an operation")             \
	X(BROKER_BLOCKED, WAIT, "the broker is blocked by an alarm")           \
	X(TIMEOUT, WAIT, "no answer in time")                                  \
	X(HTTP_FAILED, WAIT, "an HTTP peer could not be reached")              \
	X(BAD_MESSAGE, PARK, "not a CloudEvents 1.0 JSON envelope")            \
	X(UNKNOWN_TYPE, PARK, "no handler for this event type")                \
	X(SCHEMA_VIOLATION, PARK, "data does not match the event's schema")    \
	X(STATE_CONFLICT, PARK, "the aggregate's state forbids this event")    \
	X(RETRIES_EXHAUSTED, PARK, "all attempts failed")                      \
	X(CRASH_LOOP, PARK, "the consumer crashed each time it tried")         \
	X(UNROUTABLE, PARK, "no queue is bound for its routing key")           \
	X(TOO_LARGE, PARK, "larger than the limit")                            \
	X(BAD_CONFIG, STOP, "wrong configuration")                             \
	X(NO_MEMORY, STOP, "out of memory")                                    \
	X(IO, STOP, "a file or socket operation failed")

enum wb_err {
#define X(name, verdict, text) WB_ERR_##name,
	WB_ERR_TABLE(X) WB_ERR_COUNT
#undef X
};

#define WB_OK WB_ERR_OK

/* A failure in words: fixed buffer, always terminated, "" when unset. */
#define WB_NOTE_BYTES 256
struct wb_note {
	char text[WB_NOTE_BYTES];
};

/* "DB_LOST"; "?" for a number that is no error. Never NULL. */
const char *wb_err_name(enum wb_err err);

/* The sentence of the table. Never NULL. */
const char *wb_err_text(enum wb_err err);

enum wb_verdict wb_err_verdict(enum wb_err err);

const char *wb_verdict_name(enum wb_verdict verdict);

/* Writes the note (truncating) and returns err, so that a failing function
 * can end with `return wb_fail(note, WB_ERR_X, "queue=%s", q)`.
 * note may be NULL. */
enum wb_err wb_fail(struct wb_note *note, enum wb_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
