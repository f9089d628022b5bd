/* Publishes straight into a queue, with confirms and mandatory. */
#ifndef WB_CLI_DLQ_SENDER_H
#define WB_CLI_DLQ_SENDER_H

#include <stddef.h>

#include "amqp/amqp.h"
#include "base/attr.h"
#include "base/err.h"

struct wb_sender;

enum wb_sent {
	WB_SENT_SAFE,     /* the queue has it */
	WB_SENT_RETURNED, /* there is no such queue */
	WB_SENT_REFUSED,  /* nacked: the queue is full or has no leader */
};

struct wb_sender_events {
	void (*on_ready)(void *arg);
	/* Once per message, in any order. which: as given to send. */
	void (*on_sent)(void *arg, size_t which, enum wb_sent how);
	/* The channel is gone: whatever has not been told is unknown. Free
	 * it. */
	void (*on_failed)(void *arg, enum wb_err err, const char *why);
};

/* No callback after it. May be called from one. */
void wb_sender_free(struct wb_sender *sender);

/* amqp must be ready. */
struct wb_sender *wb_sender_new(struct wb_amqp *amqp,
                                const struct wb_sender_events *events,
                                void *arg) WB_OWNED_BY(wb_sender_free);

/* Messages that are under way. */
size_t wb_sender_unconfirmed(const struct wb_sender *sender);

/* exchange and is_mandatory are set here; routing_key is the queue. Its message
 * id must be set: a return is known by it. After on_ready, with fewer than
 * WB_SENDER_WINDOW under way. BROKER_LOST: on_failed is on its way. TOO_LARGE:
 * it can't be encoded. */
#define WB_SENDER_WINDOW ((size_t)1024)
enum wb_err wb_sender_send(struct wb_sender *sender,
                           const struct wb_amqp_message *message,
                           size_t which) WB_MUST_USE;

#endif
