/* `waybill audit`: what its parts share. Each part checks some of the
 * invariants and says what it found by the functions below; audit.c runs them
 * and prints.
 *
 * How it is sound while the system runs: each database is read by cursors, each
 * with one snapshot; the snapshots are taken in an order in which whatever the
 * first ones show has its causes in the later ones. For the other direction
 * ("this is not there yet") only what is older than max_age_ms counts. */
#ifndef WB_CLI_AUDIT_AUDIT_H
#define WB_CLI_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "cli.h"
#include "db.h"
#include "invariants.h"
#include "services.h"

struct audit_params {
	bool is_quiet;
	int64_t max_age_ms;
	int64_t retention_days; /* the relay's */
	int64_t findings;       /* shown per invariant */
	char *provider_url;
};

/* What is known of one invariant. */
struct audit_verdict {
	int64_t checked;     /* rows, orders, events: whatever it is about */
	int64_t broken;      /* all of them */
	int64_t unprovable;  /* too old: what would prove it is purged */
	const char *why_not; /* not checked at all, and why; or NULL */
	char **findings;     /* the first ones of broken */
	size_t n_findings;
};

/* What is no breach, but good to know. */
struct audit_counts {
	int64_t orders, events;
	int64_t in_flight, scheduled, dead_letters, discarded, queued;
};

struct audit {
	struct wb_cli *cli;
	const struct audit_params *params;
	struct wb_arena *arena;
	int64_t begun_us;      /* monotonic */
	int64_t begun_wall_ms; /* the same moment */
	/* What was written from then on is in all outboxes for certain. */
	int64_t kept_ms;
	struct audit_verdict verdicts[AUDIT_COUNT];
	struct audit_counts counts;
	/* Per consumer: events that it has not handled, wherever they are. */
	int64_t owed[WB_N_SERVICES];
	/* Per consumer: dead letters by its outbox, and messages in its
	 * dead-letter queue by the broker (the most of two looks), and in its
	 * queue. */
	int64_t dead[WB_N_SERVICES], dlq[WB_N_SERVICES], queue[WB_N_SERVICES];
	bool has_broker;
};

/* ---- what was found (verdict.c) ---- */

void audit_checked(struct audit *audit, enum audit_invariant id, int64_t n);
void audit_unprovable(struct audit *audit, enum audit_invariant id, int64_t n);
void audit_broken(struct audit *audit, enum audit_invariant id, const char *fmt,
                  ...) WB_PRINTF(3, 4);
/* why: lasts. */
void audit_skip(struct audit *audit, enum audit_invariant id, const char *why);
void audit_fini(struct audit *audit);

/* Prints everything; true: nothing is broken. */
bool audit_print(struct audit *audit);

/* ---- sorted streams (stream.c) ---- */

/* Rows of a SELECT, sorted by their first column as bytes are. Zeroed, it is
 * closed. */
struct audit_stream {
	struct wb_db *db;
	struct wb_pg_stmt stmt;
	struct wb_rows *rows;
	bool has_row;
};

/* SQL with {old}, {kept} and {service} filled in: times before {old} are older
 * than max_age_ms (in a quiet system all are), times from {kept} on are in all
 * outboxes. In the arena. */
const char *audit_sql(struct audit *audit, const char *text,
                      const char *service);

/* Begins to connect. */
enum wb_err audit_stream_connect(struct audit *audit,
                                 struct audit_stream *stream,
                                 const char *service,
                                 struct wb_note *note) WB_MUST_USE;

/* Begins the statement, once connected, and waits for its snapshot. sql: as for
 * audit_sql. name: of the statement, for good. */
enum wb_err audit_stream_start(struct audit *audit, struct audit_stream *stream,
                               const char *name, const char *sql,
                               struct wb_note *note) WB_MUST_USE;

/* To the first or next row, which has_row tells. */
void audit_stream_next(struct audit_stream *stream);

/* Closes them all; the first one's failure. */
enum wb_err audit_streams_close(struct audit_stream *streams, size_t n,
                                struct wb_note *note) WB_MUST_USE;

/* The least key among the current rows, in key; false: all have ended. */
bool audit_streams_key(const struct audit_stream *streams, size_t n,
                       struct wb_buf *key);

/* Is the current row of this key? */
bool audit_stream_is_at(const struct audit_stream *stream, const char *key);

/* When a UUIDv7 was made, in ms since 1970; -1: it is another kind of text. */
int64_t audit_id_ms(const char *id);

/* Made so lately that what is missing may be on its way. */
bool audit_is_young(const struct audit *audit, const char *id);

/* ---- the parts ---- */

/* events.c: emitted, handled, once. */
enum wb_err audit_events(struct audit *audit, struct wb_note *note) WB_MUST_USE;

/* orders.c: per order, over all services and the provider. */
enum wb_err audit_orders(struct audit *audit, struct wb_note *note) WB_MUST_USE;

/* replicas.c */
enum wb_err audit_replicas(struct audit *audit,
                           struct wb_note *note) WB_MUST_USE;

/* tables.c: what one database alone can tell. */
enum wb_err audit_tables(struct audit *audit, struct wb_note *note) WB_MUST_USE;

/* From when on all outboxes have all: kept_ms. */
enum wb_err audit_find_kept(struct audit *audit,
                            struct wb_note *note) WB_MUST_USE;

/* broker.c: how many messages lie in the queues. Nothing without
 * --management-url. */
enum wb_err audit_broker_look(struct audit *audit,
                              struct wb_note *note) WB_MUST_USE;

#endif
