/* Taking rows in hand: the statements that lock and read them, and those that
 * write down what became of them. One kind per table; everything else of a slot
 * is the same for both. */
#ifndef RELAY_CLAIM_H
#define RELAY_CLAIM_H

#include "batch.h"
#include "cursor.h"
#include "floor.h"
#include "fronts.h"
#include "horizon.h"
#include "params.h"
#include "pg/pg.h"
#include "published.h"
#include "sweep.h"

/* What a claim needs to know; lives as long as its slot. */
struct claim {
	const struct relay_params *params;
	const char *name;         /* of the source: "orders" */
	const char *event_source; /* CloudEvents source: "/orders" */
	/* Shared by the slots of one kind. */
	struct horizon *horizon; /* events */
	struct published *published;
	struct fronts *fronts;
	struct floor *floor; /* deliveries */
	struct sweep *sweep;
	/* The relay's limit, or the broker's once it is known to be lower. */
	const size_t *max_message_bytes;
	struct batch *batch;

	/* Called once per claim, from within a result of its transaction: the
	 * batch holds the rows, or is empty. Not called when a statement
	 * failed: then the transaction ends by itself. */
	void (*on_read)(void *arg);
	void *arg;

	/* The claim in hand, or the last one. */
	struct wb_tx *tx;
	struct wb_pg_args *args;
	int64_t started_us;
	bool is_sweep;
	bool is_glance; /* it did not choose among the lanes */
	bool is_due;    /* held events are */
	enum reach reach;
	int32_t slots[2];
	struct cursor cursors[CURSOR_LANES];
	size_t n_cursors;
	struct wb_buf scratch;
};

/* Whether the last claim of events may not have taken all that was there. */
bool claim_has_left_some(const struct claim *claim);

struct slot_kind {
	const char *name;   /* "events" */
	const char *metric; /* "wb_relay_events_total" */
	const char *help;
	/* Most rows of one claim, for this batch-events. */
	size_t (*cap)(size_t batch_events);
	void (*start)(struct claim *claim, struct wb_tx *tx);
	/* Whether the claim, though it found no rows, has something to write.
	 * May be NULL: it never has. */
	bool (*has_moved)(const struct claim *claim);
	/* Adds the statements for all rows that have an end. A refused row is
	 * due again after back-off, or parked: after max-attempts, or at once
	 * when it can never be published. Logs what is refused. */
	void (*mark)(struct claim *claim, struct wb_tx *tx);
	/* The marks are committed. May be NULL. */
	void (*marked)(const struct claim *claim);
};

extern const struct slot_kind kind_events;
extern const struct slot_kind kind_deliveries;

#endif
