/* Every statement of the relay: how rows are found, claimed and marked is
 * decided in sql.c alone.
 *
 * Events are not marked: a lane's cursor says which of them are done, and a
 * batch ends with a new cursor (see cursor.h). Deliveries are marked by an
 * UPDATE of published_at. */
#ifndef RELAY_SQL_H
#define RELAY_SQL_H

#include "pg/pg.h"

/* Statements that look at events come in several forms: for one day, by its
 * slot (0 to 15); for two; for all. horizon.h says which. */
enum reach {
	REACH_DAYS = 16,         /* slots: outbox_slot() */
	REACH_NEAR = REACH_DAYS, /* two of them */
	REACH_FAR,
	REACHES,
};

/* Locks lanes that have something to do, those with the oldest events first.
 * Takes no xid when there is nothing to do.
 *   $1, $2 near: two slots, int; $3 most lanes → see enum lane_column */
extern const struct wb_pg_stmt sql_lock_lanes[REACHES];

/* The same where little is to be done: locks all lanes that have something to
 * do, or seem to, by the fronts that the relay knows (fronts.h). The first
 * columns of enum lane_column are NULL. $1, $2 near: two slots, int; $3 fronts
 * text[], by lane → see enum lane_column */
extern const struct wb_pg_stmt sql_glance_at_lanes[REACHES];

enum lane_column {
	LANE_NUMBER,
	LANE_SINCE_US, /* the lowest `since` of all lanes */
	LANE_NOW_US,
	LANE_IS_DUE, /* some of its held events are */
};

/* Reads cursors and events of locked lanes, in a statement of its own: its
 * snapshot must be later than the locks. Cursors first, then events by seq.
 *   $1, $2 near: two slots, int; $3 lanes int[]; $4 most per lane; $5 largest
 *   payload in bytes (of a larger one only the length is read); $6 bytes per
 *   lane → see enum event_column */
extern const struct wb_pg_stmt sql_read_events[REACHES];

/* Reads the held events of locked lanes that are due. As sql_read_events. */
extern const struct wb_pg_stmt sql_read_held[REACHES];

enum event_kind {
	KIND_CURSOR, /* of LANE, as a text in PAYLOAD */
	KIND_EVENT,  /* the cursor passes it */
	KIND_MORE,   /* of LANE: more than fits is left */
	KIND_HELD,   /* the cursor has passed it */
};

enum event_column {
	EVENT_SEQ,
	EVENT_KIND,
	EVENT_LANE,
	EVENT_SLOT,
	EVENT_XID,
	EVENT_ID,
	EVENT_AGGREGATE_TYPE,
	EVENT_AGGREGATE_ID,
	EVENT_SEQUENCE,
	EVENT_TYPE,
	EVENT_PAYLOAD, /* NULL: too large */
	EVENT_PAYLOAD_BYTES,
	EVENT_CORRELATION_ID,
	EVENT_CAUSATION_ID,
	EVENT_TRACEPARENT,
	EVENT_EXCHANGE,    /* NULL: the relay's */
	EVENT_ROUTING_KEY, /* NULL: its type */
	EVENT_HEADERS,     /* NULL: none */
	EVENT_CREATED_US,
	EVENT_ATTEMPTS,
};

/* Of events of locked lanes: what comes before them and is not published. In a
 * statement of its own, since most are known to come next without it (see
 * published.h), and it costs more than to read them does.
 *   $1, $2 near: two slots, int; $3 lanes int[]; of each event: $4 its place in
 *   the batch int[], $5 lane int[], $6 aggregate type text[], $7 aggregate id
 *   text[], $8 sequence bigint[] → see enum before_column */
extern const struct wb_pg_stmt sql_find_before[REACHES];

enum before_column {
	BEFORE_PLACE,
	BEFORE_SEQ, /* of the nearest one that is not published; NULL: all are
	             */
};

/* New cursors. $1 lanes int[], $2 numbers bigint[], $3 done text[], $4 part_xid
 * text[], $5 part_seq bigint[], $6 since and $7 taken_at bigint[] in µs, $8
 * events int[], $9 the slot, int, or NULL: today's */
extern const struct wb_pg_stmt sql_move_cursors[REACHES];

/* Claims due deliveries, the longest due first.
 *   $1 floor (µs of due_at), $2 most, $3 largest body, $4 bytes of the batch
 *   → see enum delivery_column */
extern const struct wb_pg_stmt sql_claim_deliveries;

enum delivery_column {
	DELIVERY_ID,
	DELIVERY_EVENT_ID,
	DELIVERY_QUEUE,
	DELIVERY_ROUTING_KEY,
	DELIVERY_CONTENT_TYPE,
	DELIVERY_HEADERS,
	DELIVERY_BODY, /* NULL: too large */
	DELIVERY_BODY_BYTES,
	DELIVERY_CREATED_US,
	DELIVERY_ATTEMPTS,
	DELIVERY_OLDEST_US, /* oldest pending due_at above the floor, locked or
	                       not */
};

/* Held events that are published. $1 seqs bigint[] */
extern const struct wb_pg_stmt sql_release_events;

/* Events that are not published although the cursor passes them, or that were
 * held and failed again. $1 seqs bigint[], $2 slots int[], $3 lanes int[], $4
 * xids text[], $5 aggregate types text[], $6 aggregate ids text[], $7 sequences
 * bigint[], $8 created_at bigint[] in µs, $9 attempts int[], $10 ms until the
 * next try bigint[], $11 is it parked bool[], $12 reasons text[]. Neither $10
 * nor $11: it waits for an earlier one of its aggregate. */
extern const struct wb_pg_stmt sql_hold_events;

/* The first held event of each aggregate need not wait any more. $1 aggregate
 * types text[], $2 aggregate ids text[] */
extern const struct wb_pg_stmt sql_let_events;

/* $1 ids bigint[] */
extern const struct wb_pg_stmt sql_mark_deliveries;

/* $1 ids bigint[], $2 reasons text[], $3 ms until the next try bigint[] (NULL:
 * park) */
extern const struct wb_pg_stmt sql_refuse_deliveries;

/* Where a relay begins → see enum begin_column */
extern const struct wb_pg_stmt sql_begin;

enum begin_column {
	/* Each lane has a cursor, and neither one of them nor an event is ahead
	 * of this server's transactions. */
	BEGIN_IS_SOUND,
	BEGIN_SINCE_US, /* the lowest `since` of all cursors */
	BEGIN_NOW_US,
};

/* The gate. $1: idle_session_timeout while it is held, text → bool: got it */
extern const struct wb_pg_stmt sql_gate_lock;
extern const struct wb_pg_stmt sql_gate_unlock;

/* The trigger's channel. Its own notifications have no payload. */
extern const struct wb_pg_stmt sql_gate_listen;

/* To try the wake-up (see wake_test.h) with a lock of the test's own.
 *   $1 any number, int
 *   notify: $2 payload → bool: false when the lock is not seen to be held */
extern const struct wb_pg_stmt sql_test_lock; /* → bool: got it */
extern const struct wb_pg_stmt sql_test_notify;
extern const struct wb_pg_stmt sql_test_unlock;

/* Whether anything is claimable, locked by someone or not; if not, when.
 *   $1, $2 near: two slots, int; $3 floor of deliveries (µs) → see enum
 *   check_column */
extern const struct wb_pg_stmt sql_gate_check[REACHES];

enum check_column {
	CHECK_IS_LEFT,
	CHECK_NOW_US,
	CHECK_DUE_MS, /* until something falls due, or NULL */
};

/* For the metrics.  $1, $2 near: two slots, int; $3 floor of deliveries (µs)
 *   → see enum count_column */
extern const struct wb_pg_stmt sql_count[REACHES];

enum count_column {
	COUNT_DEPTH,     /* pending rows of both kinds, counted to a limit */
	COUNT_PARKED,    /* parked rows of both kinds */
	COUNT_OLDEST_US, /* age of the oldest event that is neither published
	                    nor parked, 0 if none */
};

/* The oldest transaction that is open for more than a second, or no row → see
 * enum open_column. Other roles' are seen by members of pg_read_all_stats. */
extern const struct wb_pg_stmt sql_oldest_open;

enum open_column {
	OPEN_PID,
	OPEN_APPLICATION_NAME,
	OPEN_AGE_US,
};

/* Deletes old deliveries, some at a time. $1 days to keep, int */
extern const struct wb_pg_stmt sql_forget;

/* Gives back old days. $1 how many to keep, int → how many were given back */
extern const struct wb_pg_stmt sql_expire;

/* What the statements need of the server. Call right after wb_pg_new. */
void sql_slot_settings(struct wb_pg *pg, long long idle_tx_ms);
void sql_settings(struct wb_pg *pg);

#define SQL_WAKE_CHANNEL "outbox_wake"

#endif
