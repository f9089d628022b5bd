/* What the files of this room share. Nobody else includes it. */
#ifndef WB_PG_INTERNAL_H
#define WB_PG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "pg/pg.h"

#include <libpq-fe.h>

#define WB_PG_MAGIC 0x5047434eu
#define WB_TX_MAGIC 0x50475458u

#define WB_PG_SQLSTATE_BYTES 6

/* ---- sqlstate.c: the one place that knows what a SQLSTATE means ---- */

struct wb_pg_meaning {
	enum wb_err err;
	bool drops; /* this session can't go on: reconnect */
};

/* sqlstate: five characters, or "" for libpq's own failures. */
struct wb_pg_meaning wb_pg_sqlstate_meaning(const char *sqlstate);

/* As above, for a failed result. */
struct wb_pg_meaning wb_pg_result_meaning(const PGresult *res);

/* ---- conninfo.c: from parameters to a connection attempt ---- */

/* Starts to connect, beginning at the first_host'th (modulo) of the DSN's
 * hosts. NULL with a note when the DSN can't be read. */
PGconn *wb_pg_conninfo_start(const struct wb_pg_params *params,
                             const char *application_name, size_t first_host,
                             struct wb_note *note) WB_MUST_USE;

/* ---- settings.c: what the server is told about how to run statements ---- */

/* SQL; neither ends in a semicolon. */
struct wb_pg_settings {
	struct wb_buf session; /* for as long as it lasts */
	struct wb_buf local;   /* for one transaction: a single SELECT */
	struct wb_pg_stmt local_stmt;
};

void wb_pg_settings_fini(struct wb_pg_settings *settings);

/* Begins with those of every connection. */
void wb_pg_settings_init(struct wb_pg_settings *settings,
                         const struct wb_pg_params *params);
void wb_pg_settings_add(struct wb_pg_settings *settings, const char *name,
                        const char *value);

/* ---- prepared.c: which statements this connection has prepared ---- */

struct wb_pg_prepared {
	struct wb_pg_prepared_entry *entries;
	size_t n, cap;
};

void wb_pg_prepared_fini(struct wb_pg_prepared *prepared);
void wb_pg_prepared_clear(struct wb_pg_prepared *prepared);

/* False: it is unknown, so send a Prepare; it is on record from now on, until
 * _forget. */
bool wb_pg_prepared_add(struct wb_pg_prepared *prepared,
                        const char *name) WB_MUST_USE;

/* Its Prepare failed or was skipped. */
void wb_pg_prepared_forget(struct wb_pg_prepared *prepared, const char *name);

/* ---- pending.c: commands sent whose results are awaited, in order ---- */

enum wb_pg_command_kind {
	WB_PG_BEGIN, /* and SET LOCAL */
	WB_PG_PREPARE,
	WB_PG_QUERY,
	WB_PG_COMMIT,
	WB_PG_ROLLBACK,
	WB_PG_SYNC,
	WB_PG_SCRIPT,
};

struct wb_pg_command {
	enum wb_pg_command_kind kind;
	const struct wb_pg_stmt *stmt; /* NULL for SYNC and SCRIPT */
	wb_tx_result_fn on_result;
	void *arg;
};

/* A ring. */
struct wb_pg_pending {
	struct wb_pg_command *commands;
	size_t first, n, cap;
};

void wb_pg_pending_fini(struct wb_pg_pending *pending);
void wb_pg_pending_clear(struct wb_pg_pending *pending);
void wb_pg_pending_push(struct wb_pg_pending *pending,
                        const struct wb_pg_command *command);
const struct wb_pg_command *
wb_pg_pending_head(const struct wb_pg_pending *pending); /* not empty */
void wb_pg_pending_pop(struct wb_pg_pending *pending);

/* ---- arrays.c: array parameters in Postgres' binary form ---- */

struct wb_pg_array {
	enum wb_pg_elem type;
	uint32_t n;         /* elements */
	struct wb_buf data; /* header and elements */
};

/* Makes it an empty array; its memory is kept. */
void wb_pg_array_reset(struct wb_pg_array *array, enum wb_pg_elem type);

/* Bytes to send: an empty array has a shorter header. */
size_t wb_pg_array_bytes(const struct wb_pg_array *array);

/* Big-endian, as all of the protocol. */
void wb_pg_put_u32(unsigned char *to, uint32_t value);
void wb_pg_put_u64(unsigned char *to, uint64_t value);

/* ---- args.c: in libpq's shape ---- */

/* The array parameter of that index, as wb_pg_arg_array returned it. */
struct wb_pg_array *wb_pg_args_array(struct wb_pg_args *args, size_t param);

struct wb_pg_arg_arrays {
	int n;
	const char *const *values;
	const int *lengths;
	const int *formats;
};

/* Valid until the next change of args. args may be NULL. */
struct wb_pg_arg_arrays wb_pg_args_arrays(const struct wb_pg_args *args);

/* ---- result.c ---- */

/* Neither failed nor skipped, nor of a kind that we never ask for (COPY). */
bool wb_pg_result_is_good(const PGresult *res);

struct wb_pg_result {
	PGresult *res;
	struct wb_arena *arena; /* reset after the result's callback */
};

/* ---- tx.c, results.c, query.c: what runs on a connection ---- */

/* name, states that may follow */
#define WB_TX_STATE_TABLE(X)                                                   \
	/* Nothing runs; nothing is pending. */                                \
	X(NONE, TO(OPEN) | TO(CLOSING))                                        \
	/* Takes statements. */                                                \
	X(OPEN, TO(CLOSING) | TO(FAILING) | TO(NONE))                          \
	/* The last Sync was sent (or the script): only results are awaited.   \
	 */                                                                    \
	X(CLOSING, TO(FAILING) | TO(NONE))                                     \
	/* A statement failed; the NULL behind its failure is awaited. */      \
	X(FAILING, TO(ABORTING) | TO(NONE))                                    \
	/* The server was told to roll back; results are awaited. */           \
	X(ABORTING, TO(NONE))

enum wb_tx_state {
#define X(name, to) WB_TX_STATE_##name,
	WB_TX_STATE_TABLE(X) WB_TX_STATE_COUNT
#undef X
};

enum wb_tx_kind {
	WB_TX_BLOCK,  /* BEGIN … COMMIT */
	WB_TX_SINGLE, /* one statement, pipeline mode */
	WB_TX_SCRIPT, /* one string, simple query protocol */
};

/* A connection has exactly one, used again and again. */
struct wb_tx {
	unsigned magic;
	struct wb_pg *pg;
	enum wb_tx_state state;
	enum wb_tx_kind kind;
	wb_tx_done_fn done;
	void *arg;
	struct wb_pg_pending pending;

	/* What is known of its end. */
	bool is_rollback;    /* asked for by wb_tx_rollback */
	bool is_commit_sent; /* so a loss leaves it unknown */
	bool is_committed;   /* the server said so */
	enum wb_err err;     /* the first failure, else WB_OK */
	char sqlstate[WB_PG_SQLSTATE_BYTES];
	struct wb_note note;
	const char *stmt; /* "" */
};

void wb_tx_enter(struct wb_tx *tx, enum wb_tx_state state);

/* Takes the idle connection; starts the deadline. */
struct wb_tx *wb_tx_start(struct wb_pg *pg, enum wb_tx_kind kind,
                          enum wb_tx_state state, wb_tx_done_fn done,
                          void *arg);

/* Sends a statement, its Prepare first if need be. */
void wb_tx_send(struct wb_tx *tx, const struct wb_pg_command *command,
                const struct wb_pg_args *args);
void wb_tx_send_sync(struct wb_tx *tx);

/* Through a pooler: the settings, for this transaction. */
void wb_tx_send_settings(struct wb_tx *tx);

/* A failed block: out of the pipeline's skipping, then out of the
 * transaction. */
void wb_tx_send_abort(struct wb_tx *tx);

/* The last result has come: stops the deadline, calls done. */
void wb_tx_settle(struct wb_tx *tx);

/* results.c: one result of the first pending command; res is cleared by the
 * caller. res NULL: that command is done. May free the connection (state
 * CLOSED). */
void wb_tx_on_result(struct wb_tx *tx, PGresult *res);

/* The connection is gone, for this reason: reports the end. */
void wb_tx_on_lost(struct wb_tx *tx, enum wb_err err, const char *why);

/* ---- conn.c: the connection ---- */

/* name, states that may follow, on entry (returns the next state) */
#define WB_PG_STATE_TABLE(X)                                                   \
	/* No PGconn; the timer runs until the next try. */                    \
	X(DOWN, TO(CONNECTING) | TO(CLOSED), enter_down)                       \
	/* libpq connects; one one-shot event; the timer is the deadline. */   \
	X(CONNECTING, TO(MEETING) | TO(DOWN) | TO(CLOSED),                     \
	  wb_pg_enter_connecting)                                              \
	/* Asks who is there, a server or a pooler; likewise the timer. */     \
	X(MEETING, TO(SETUP) | TO(DOWN) | TO(CLOSED), wb_pg_enter_meeting)     \
	/* The settings are made, or through a pooler only tried. */           \
	X(SETUP, TO(READY) | TO(DOWN) | TO(CLOSED), wb_pg_enter_setup)         \
	/* Pipeline mode; the timer is the transaction's deadline, if any. */  \
	X(READY, TO(DOWN) | TO(CLOSED), enter_ready)                           \
	/* wb_pg_free was called; freed when the last callback returns. */     \
	X(CLOSED, 0, enter_closed)

enum wb_pg_state {
#define X(name, to, on_entry) WB_PG_STATE_##name,
	/* STAY, of an entry function: nothing follows by itself */
	WB_PG_STATE_TABLE(X) WB_PG_STATE_STAY
#undef X
};

struct event;

struct wb_pg {
	unsigned magic;
	struct wb_loop *loop;
	const struct wb_pg_params *params;
	const struct wb_pg_events *events;
	void *arg;
	char *application_name;
	struct wb_pg_settings settings;

	enum wb_pg_state state;
	unsigned depth; /* of callbacks of ours that are running */
	PGconn *conn;
	struct event *read_event; /* while connecting: of either direction */
	struct event *write_event;
	struct wb_timer timer; /* see the states */
	bool is_flush_due;

	/* A failure found inside a call of the user's is carried out from the
	 * loop: until then the connection counts as not ready. */
	bool is_doomed;
	enum wb_err why_err; /* of the move to DOWN */
	struct wb_note why;
	struct wb_note last_words; /* of the server, before it hung up */

	bool is_pooled; /* known from SETUP on */

	/* Connecting. */
	unsigned attempt;       /* tries since the last success */
	size_t first_host;      /* where the next try begins */
	struct wb_note host;    /* "host:port" now being tried */
	struct ssl_st *session; /* with that host; NULL = none */

	struct wb_pg_prepared prepared;
	struct wb_arena *arena; /* of the result in hand */
	struct wb_tx tx;
};

/* Around each callback from the loop: leave frees what was closed meanwhile.
 * pg must not be touched after leave. */
void wb_pg_enter_callback(struct wb_pg *pg);
void wb_pg_leave_callback(struct wb_pg *pg);

/* The connection is dead, as found out in a callback from the loop. */
void wb_pg_lose(struct wb_pg *pg, enum wb_err err, const char *why);

/* The same, found out in a call of the user's. */
void wb_pg_doom(struct wb_pg *pg, enum wb_err err, const char *why);

/* Moves it, through the states that follow by themselves. */
void wb_pg_enter(struct wb_pg *pg, enum wb_pg_state state);

/* Of an entry function: libpq refused, its message is the reason. */
enum wb_pg_state wb_pg_give_up(struct wb_pg *pg) WB_MUST_USE;

/* ---- connect.c: CONNECTING ---- */

/* Keeps a reference to OpenSSL's session (NULL: to none) instead of to the one
 * before. To be let go before PQfinish. */
void wb_pg_keep_session(struct wb_pg *pg, struct ssl_st *session);

enum wb_pg_state wb_pg_enter_connecting(struct wb_pg *pg);

/* ---- setup.c: MEETING and SETUP ---- */

enum wb_pg_state wb_pg_enter_meeting(struct wb_pg *pg);
enum wb_pg_state wb_pg_enter_setup(struct wb_pg *pg);

/* One result of either; res is cleared by the caller. NULL: all have come. */
void wb_pg_setup_on_result(struct wb_pg *pg, const PGresult *res);

/* ---- io.c: the socket of a connection in MEETING, SETUP or READY ---- */

bool wb_pg_io_start(struct wb_pg *pg) WB_MUST_USE;
void wb_pg_io_stop(struct wb_pg *pg); /* before PQfinish */

/* Writes what libpq has buffered, at the end of this turn of the loop. */
void wb_pg_io_flush_later(struct wb_pg *pg);

#endif
