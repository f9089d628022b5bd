/* Taking rows in hand: the statements that lock and read them. One kind per
 * table; everything else of a slot is the same for both. */
#ifndef RELAY_CLAIM_H
#define RELAY_CLAIM_H

#include "batch.h"
#include "floor.h"
#include "params.h"
#include "pg/pg.h"
#include "sweep.h"

/* What a claim needs to know; lives as long as its slot. */
struct claim {
	const struct relay_params *params;
	const char *name;         /* of the source: "orders" */
	const char *event_source; /* CloudEvents source: "/orders" */
	struct floor *floor;      /* shared by the slots of one kind */
	struct sweep *sweep;      /* as the floor */
	/* The relay's limit, or the broker's once it is known to be lower. */
	const size_t *max_message_bytes;
	struct batch *batch;

	/* Called once per claim, from within a result of its transaction: the
	 * batch holds the rows, or is empty. Not called when a statement
	 * failed: then the transaction ends by itself. */
	void (*on_read)(void *arg);
	void *arg;

	/* The claim in hand. */
	struct wb_tx *tx;
	struct wb_pg_args *args;
	int64_t started_us;
	int64_t floor_at;
	size_t n_swept; /* lanes that it looks at from the start */
	struct wb_buf scratch;
};

struct slot_kind {
	const char *name;   /* "events" */
	const char *metric; /* "wb_relay_events_total" */
	const char *help;
	void (*start)(struct claim *claim, struct wb_tx *tx);
	const struct wb_pg_stmt *mark;
	const struct wb_pg_stmt *refuse;
};

extern const struct slot_kind kind_events;
extern const struct slot_kind kind_deliveries;

#endif
