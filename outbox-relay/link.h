/* A slot's channel in confirm mode, on its source's connection: opened when the
 * broker is there, opened again (with back-off) when the broker closed it. */
#ifndef RELAY_LINK_H
#define RELAY_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "loop/loop.h"

struct link_events {
	void (*on_up)(void *arg); /* publish now */
	/* Gone: code and text of the broker's channel.close, or 0 when the
	 * connection was lost. Everything unconfirmed is unknown. */
	void (*on_down)(void *arg, uint16_t code, const char *text);
	void (*on_confirm)(void *arg, uint64_t tag, bool is_multiple,
	                   bool is_ack);
	void (*on_return)(void *arg, const struct wb_amqp_return *returned);
};

/* DOWN     no broker, or it is blocked
 * OPENING  waits for confirm.select's answer
 * UP       may publish
 * WAITING  closed by the broker, or the connection was lost; backs off */
enum link_state { LINK_DOWN, LINK_OPENING, LINK_UP, LINK_WAITING };

struct link {
	unsigned magic;
	enum link_state state;
	struct wb_amqp *amqp;
	struct wb_amqp_channel *channel;
	struct wb_timer timer;
	unsigned failures; /* in a row */
	const struct link_events *events;
	void *arg;
};

void link_init(struct link *link, struct wb_loop *loop,
               const struct link_events *events, void *arg);
/* Closes without callbacks. */
void link_fini(struct link *link);

/* The broker is ready (again) and takes messages. */
void link_attach(struct link *link, struct wb_amqp *amqp);

/* Closes the channel, without on_down, and opens another one if the broker is
 * there: what was published is unknown from now on. */
void link_drop(struct link *link);

/* An ack has come: back-off starts anew. */
void link_worked(struct link *link);

/* Open, and no alarm. */
bool link_is_up(const struct link *link);

/* The channel must be open. Returns the delivery tag; 0: not sent, its headers
 * do not fit into a frame. */
uint64_t link_publish(struct link *link, const struct wb_amqp_message *message);

#endif
