/* Writing to the outbox: the one way in which a service emits events. Events
 * are collected, then inserted by one statement in the transaction that changed
 * the aggregates.
 *
 * Order: first lock or change the aggregate's row (and draw its sequence from
 * that row), then insert the event. seq is drawn by the insert, after the lock,
 * so that it rises with sequence per aggregate. */
#ifndef WB_SAGA_OUTBOX_H
#define WB_SAGA_OUTBOX_H

#include <stdint.h>

#include "base/uuid.h"
#include "event/types.h"
#include "pg/pg.h"

/* Texts are copied by wb_outbox_add. */
struct wb_outbox_event {
	struct wb_uuid id; /* wb_uuid_v7(); kept when the tx is rerun */
	const struct wb_event_type *type;
	const char *aggregate_id;
	int64_t sequence; /* gap-free from 1 per aggregate; 0 = draw it from the
	                     outbox's own counter */
	const char *correlation_id; /* the order id; "" for none */
	const char *causation_id;   /* id of the event handled; "" for none */
	const char *traceparent;    /* "" for none */
	const char *data;           /* JSON text */
	size_t data_bytes;
};

/* A message for one queue: a retry, a dead letter. */
struct wb_outbox_delivery {
	const char *consumer;    /* whose queue failed: "inventory" */
	const char *queue;       /* where to: "inventory", "inventory.dlq" */
	const char *routing_key; /* as it first came: "order.placed.v1" */
	struct wb_uuid event_id;
	const char *replay; /* id of the replay job that sent it; "" = none */
	int32_t attempt;    /* of this delivery: 2 for the first retry */
	const char *content_type;
	const char *headers; /* JSON object of text and integer values */
	const void *body;
	size_t body_bytes;
	int64_t delay_ms;
};

struct wb_outbox;

void wb_outbox_free(struct wb_outbox *outbox);
struct wb_outbox *wb_outbox_new(void) WB_OWNED_BY(wb_outbox_free);
void wb_outbox_clear(struct wb_outbox *outbox);
size_t wb_outbox_count(const struct wb_outbox *outbox); /* both kinds */

void wb_outbox_add(struct wb_outbox *outbox,
                   const struct wb_outbox_event *event);
void wb_outbox_deliver(struct wb_outbox *outbox,
                       const struct wb_outbox_delivery *delivery);

/* Adds the INSERTs to the transaction (none when empty). The outbox may be
 * cleared right after. */
void wb_outbox_write(const struct wb_outbox *outbox, struct wb_tx *tx);

#endif
