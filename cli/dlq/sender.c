#include "sender.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES 64

struct sending {
	size_t which;
	char id[ID_BYTES];
	bool is_out; /* its confirm is awaited */
	bool is_returned;
};

struct wb_sender {
	struct wb_amqp *amqp;
	struct wb_amqp_channel *channel; /* NULL once it is gone */
	const struct wb_sender_events *events;
	void *arg;
	/* By delivery tag: those in (done, sent] are in the ring. */
	struct sending ring[WB_SENDER_WINDOW];
	uint64_t done, sent;
	bool is_freed, is_in_callback;
};

static struct sending *
at_tag(struct wb_sender *sender, uint64_t tag)
{
	return &sender->ring[tag % WB_SENDER_WINDOW];
}

void
wb_sender_free(struct wb_sender *sender)
{
	if (sender == NULL || sender->is_freed)
		return;
	if (sender->channel != NULL)
		wb_amqp_channel_close(sender->channel);
	sender->channel = NULL;
	sender->is_freed = true;
	if (!sender->is_in_callback)
		free(sender);
}

/* ---- the channel ---- */

static void
on_closed(void *arg, uint16_t code, const char *text)
{
	struct wb_sender *sender = arg;

	sender->channel = NULL;
	sender->events->on_failed(
	    sender->arg, code == 0 ? WB_ERR_BROKER_LOST : WB_ERR_BROKER_REFUSED,
	    text);
}

/* A return comes before the confirm of the same message. */
static void
on_return(void *arg, const struct wb_amqp_return *returned)
{
	struct wb_sender *sender = arg;

	for (uint64_t tag = sender->done + 1; tag <= sender->sent; tag++) {
		struct sending *sending = at_tag(sender, tag);

		if (sending->is_out && !sending->is_returned &&
		    strcmp(sending->id, returned->message_id) == 0) {
			sending->is_returned = true;
			return;
		}
	}
}

static void
settle(struct wb_sender *sender, uint64_t tag, bool is_ack)
{
	struct sending *sending = at_tag(sender, tag);
	enum wb_sent how = !is_ack                ? WB_SENT_REFUSED
	                   : sending->is_returned ? WB_SENT_RETURNED
	                                          : WB_SENT_SAFE;

	if (!sending->is_out)
		return;
	sending->is_out = false;
	sender->events->on_sent(sender->arg, sending->which, how);
}

static void
on_confirm(void *arg, uint64_t tag, bool is_multiple, bool is_ack)
{
	struct wb_sender *sender = arg;
	uint64_t from = is_multiple ? sender->done + 1 : tag;

	if (tag <= sender->done || tag > sender->sent)
		return;
	sender->is_in_callback = true;
	for (uint64_t t = from; t <= tag && !sender->is_freed; t++)
		settle(sender, t, is_ack);
	sender->is_in_callback = false;
	if (sender->is_freed) {
		free(sender);
		return;
	}
	while (sender->done < sender->sent &&
	       !at_tag(sender, sender->done + 1)->is_out)
		sender->done++;
}

static void
on_selected(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	struct wb_sender *sender = arg;

	(void)messages;
	(void)consumers;
	if (err == WB_OK)
		sender->events->on_ready(sender->arg);
}

static void
on_open(void *arg)
{
	struct wb_sender *sender = arg;

	wb_amqp_confirm_select(sender->channel, on_selected, sender);
}

struct wb_sender *
wb_sender_new(struct wb_amqp *amqp, const struct wb_sender_events *events,
              void *arg)
{
	static const struct wb_amqp_channel_events channel_events = {
		.on_open = on_open,
		.on_closed = on_closed,
		.on_confirm = on_confirm,
		.on_return = on_return,
	};
	struct wb_sender *sender = wb_zalloc(sizeof *sender);

	sender->amqp = amqp;
	sender->events = events;
	sender->arg = arg;
	sender->channel = wb_amqp_channel_open(amqp, &channel_events, sender);
	WB_ASSERT(sender->channel != NULL);
	return sender;
}

size_t
wb_sender_unconfirmed(const struct wb_sender *sender)
{
	/* The window is one of tags: an early confirm frees no place. */
	return (size_t)(sender->sent - sender->done);
}

enum wb_err
wb_sender_send(struct wb_sender *sender, const struct wb_amqp_message *message,
               size_t which)
{
	struct wb_amqp_message wire = *message;
	struct sending *sending;
	uint64_t tag;

	WB_ASSERT(wb_sender_unconfirmed(sender) < WB_SENDER_WINDOW);
	if (sender->channel == NULL || !wb_amqp_is_ready(sender->amqp))
		return WB_ERR_BROKER_LOST;
	wire.exchange = "";
	wire.is_mandatory = true;
	tag = wb_amqp_publish(sender->channel, &wire);
	if (tag == 0)
		return wb_amqp_is_ready(sender->amqp) ? WB_ERR_TOO_LARGE
		                                      : WB_ERR_BROKER_LOST;
	sender->sent = tag;
	sending = at_tag(sender, tag);
	*sending = (struct sending){ .which = which, .is_out = true };
	(void)snprintf(sending->id, sizeof sending->id, "%s",
	               message->props.message_id);
	return WB_OK;
}
