/* Every statement of the relay: how rows are found, claimed and marked is
 * decided in sql.c alone. Here rows are marked by an UPDATE of published_at. */
#ifndef RELAY_SQL_H
#define RELAY_SQL_H

#include "pg/pg.h"

/* Locks lanes that have claimable events, those with the oldest ones first.
 * Takes no xid when there is nothing to do.
 *   $1 floor (seq), $2 most lanes, $3 lanes int[] in which to look at
 * everything → lane int, oldest seq of the lane, oldest seq of all lanes
 * (locked by someone or not) */
extern const struct wb_pg_stmt sql_lock_lanes;

/* Reads the events of locked lanes, in a statement of its own: its snapshot
 * must be later than the locks. By seq. $1 lanes int[], $2 floor, $3 most per
 * lane, $4 most, $5 largest payload in bytes (a larger one is left out), $6
 * bytes of the batch → see enum event_column */
extern const struct wb_pg_stmt sql_read_events;

enum event_column {
	EVENT_SEQ,
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
	EVENT_CREATED_US,
	EVENT_ATTEMPTS,
	EVENT_AFTER, /* seq of its predecessor if that is unpublished, or NULL
	              */
};

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

/* $1 seqs or ids bigint[] */
extern const struct wb_pg_stmt sql_mark_events;
extern const struct wb_pg_stmt sql_mark_deliveries;

/* $1 seqs or ids bigint[], $2 reasons text[], $3 ms until the next try bigint[]
 * (NULL: park) */
extern const struct wb_pg_stmt sql_refuse_events;
extern const struct wb_pg_stmt sql_refuse_deliveries;

/* Where a relay begins → largest seq (0 if there is no row), now in µs */
extern const struct wb_pg_stmt sql_begin;

/* The gate. $1: idle_session_timeout while it is held, text → bool: got it */
extern const struct wb_pg_stmt sql_gate_lock;
extern const struct wb_pg_stmt sql_gate_unlock;

/* Whether anything is claimable, locked by someone or not; if not, when.
 *   $1 floor of events, $2 floor of deliveries (µs) → see enum check_column */
extern const struct wb_pg_stmt sql_gate_check;

enum check_column {
	CHECK_IS_LEFT,
	CHECK_LAST_SEQ, /* 0 if there is no row */
	CHECK_NOW_US,
	CHECK_DUE_MS, /* until something falls due, or NULL */
};

/* For the metrics.  $1 floor of events, $2 floor of deliveries (µs)
 *   → see enum count_column */
extern const struct wb_pg_stmt sql_count;

enum count_column {
	COUNT_DEPTH,     /* pending rows of both kinds, counted to a limit */
	COUNT_PARKED,    /* parked rows of both kinds */
	COUNT_OLDEST_US, /* age of the oldest pending event, 0 if none */
};

/* Run on each connection, once connected (static texts come out of buffers of
 * the caller). Plans made while the tables were empty must not last: the claim
 * as a bitmap scan would never mark dead index entries. */
#define SQL_CONNECT_BYTES 512
void sql_queue_connect(char text[SQL_CONNECT_BYTES], long long idle_tx_ms);
void sql_gate_connect(char text[SQL_CONNECT_BYTES], bool is_listening);

#define SQL_WAKE_CHANNEL "outbox_wake"

#endif
