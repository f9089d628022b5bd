/* One batch in flight: a database connection and a confirm channel of its own.
 * A slot claims rows in a transaction, publishes them, waits for the broker's
 * word on each, marks them and commits. */
#ifndef RELAY_SLOT_H
#define RELAY_SLOT_H

#include "base/metrics.h"
#include "claim.h"
#include "link.h"

/* DOWN        no database, no channel, or backing off after a failure
 * IDLE        both are there; nothing in hand
 * CLAIMING    a transaction is open; its rows have not come yet
 * PUBLISHING  rows are in hand; more may be sent as confirms come
 * CONFIRMING  nothing more is sent; waits for the rest of the confirms
 * MARKING     the outcomes are being committed
 * RELEASING   nothing to mark: the transaction is being rolled back */
#define SLOT_STATE_TABLE(X)                                                    \
	X(DOWN, TO(IDLE))                                                      \
	X(IDLE, TO(CLAIMING) | TO(DOWN))                                       \
	X(CLAIMING, TO(PUBLISHING) | TO(MARKING) | TO(RELEASING) | TO(DOWN))   \
	X(PUBLISHING, TO(CONFIRMING) | TO(MARKING) | TO(RELEASING) | TO(DOWN)) \
	X(CONFIRMING, TO(MARKING) | TO(RELEASING) | TO(DOWN))                  \
	X(MARKING, TO(IDLE) | TO(DOWN))                                        \
	X(RELEASING, TO(IDLE) | TO(DOWN))

enum slot_state {
#define X(name, to) SLOT_##name,
	SLOT_STATE_TABLE(X)
#undef X
};

/* What leaves rows without the broker's word. */
enum slot_cut {
	SLOT_CUT_CHANNEL_CLOSED,
	SLOT_CUT_CONNECTION_LOST,
	SLOT_CUT_BLOCKED, /* by an alarm, until the confirms' deadline */
	SLOT_CUT_TIMEOUT,
	SLOT_CUTS,
};

struct slot;

/* May call slot_claim, never slot_fini. */
struct slot_events {
	/* IDLE now. found: whether the run just ended published something;
	 * false also after DOWN. */
	void (*on_idle)(void *arg, struct slot *slot, bool found);
	/* DOWN now. */
	void (*on_down)(void *arg, struct slot *slot);
	/* slot_database_trouble may have changed. */
	void (*on_database)(void *arg);
	/* Rows are in hand and on their way: another slot may claim. */
	void (*on_claimed)(void *arg, struct slot *slot);
	/* The broker took rows; or it closed the channel with this code, for a
	 * reason that is no message's own. */
	void (*on_worked)(void *arg, struct slot *slot);
	void (*on_refused)(void *arg, struct slot *slot, uint16_t code,
	                   const char *text);
};

struct slot_config {
	struct wb_loop *loop;
	const struct slot_kind *kind;
	const struct relay_params *params;
	const struct wb_pg_params *pg_params;
	const char *application_name;
	const char *name;         /* of the source */
	size_t index;             /* among the slots of the source */
	const char *event_source; /* "/orders" */
	struct horizon *horizon;  /* of events */
	struct published *published;
	struct fronts *fronts;
	struct floor *floor; /* of deliveries */
	struct sweep *sweep;
	size_t *max_message_bytes; /* lowered when the broker's is lower */
	const struct slot_events *events;
	void *arg;
};

struct slot {
	unsigned magic;
	struct slot_config config;
	enum slot_state state;
	struct wb_pg *pg;
	struct link link;
	struct wb_tx *tx;
	struct claim claim;
	struct batch batch;
	struct wb_timer timer; /* window, confirms, or back-off while DOWN */
	unsigned failures;     /* transactions, in a row */
	struct wb_note why;    /* of the last one of them */
	bool is_draining;
	struct wb_counter *batches, *outcomes[ROW_LEFT + 1];
	struct wb_counter *cut_off[SLOT_CUTS];
	struct wb_gauge *batch_rows, *in_flight;
	struct wb_histogram *latency;
};

/* config is copied; what it points to must outlive the slot. Connects. */
void slot_init(struct slot *slot, const struct slot_config *config);
/* Drops everything in hand, without callbacks. */
void slot_fini(struct slot *slot);

/* The broker is ready, or takes messages again. */
void slot_attach(struct slot *slot, struct wb_amqp *amqp);

/* The slot must be IDLE. */
void slot_claim(struct slot *slot);

/* No new batch; one that waits for rows gives them back. Ends in IDLE or DOWN.
 */
void slot_drain(struct slot *slot);

/* Why it is not connected, or why its transactions fail one after the other; ""
 * when neither is so. */
const char *slot_database_trouble(const struct slot *slot);
bool slot_is_busy(const struct slot *slot); /* neither DOWN nor IDLE */

/* Whether its last transaction failed: until the next one nobody knows whether
 * the reason is gone. */
bool slot_has_failed(const struct slot *slot);

/* Whether its last claim of events may not have taken all that was there. */
bool slot_has_left_some(const struct slot *slot);

/* Whether no other slot finds events until this one has done with its own. */
bool slot_holds_every_lane(const struct slot *slot);

#endif
