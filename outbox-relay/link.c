/* One confirm channel and its re-opening. */
#include "link.h"

#include "base/attr.h"
#include "base/backoff.h"

#define LINK_MAGIC 0x4c494e4bu

static const struct wb_backoff reopen = {
	.base_ms = 200,
	.factor = 2,
	.cap_ms = 10000,
};

/* Also after a lost connection: then the next one comes first (link_attach). */
static void
wait_to_open(struct link *link)
{
	link->channel = NULL;
	link->state = LINK_WAITING;
	wb_timer_start_ms(&link->timer, wb_backoff_ms(&reopen, link->failures));
}

static void
on_closed(void *arg, uint16_t code, const char *text)
{
	struct link *link;

	WB_CAST(link, arg, LINK_MAGIC);
	if (code != 0)
		link->failures++;
	wait_to_open(link);
	link->events->on_down(link->arg, code, text);
}

static void
on_selected(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	struct link *link;

	(void)messages;
	(void)consumers;
	WB_CAST(link, arg, LINK_MAGIC);
	if (err != WB_OK)
		return; /* on_closed follows */
	link->state = LINK_UP;
	link->events->on_up(link->arg);
}

static void
on_confirm(void *arg, uint64_t tag, bool is_multiple, bool is_ack)
{
	struct link *link;

	WB_CAST(link, arg, LINK_MAGIC);
	link->events->on_confirm(link->arg, tag, is_multiple, is_ack);
}

static void
on_return(void *arg, const struct wb_amqp_return *returned)
{
	struct link *link;

	WB_CAST(link, arg, LINK_MAGIC);
	link->events->on_return(link->arg, returned);
}

static const struct wb_amqp_channel_events channel_events = {
	.on_closed = on_closed,
	.on_confirm = on_confirm,
	.on_return = on_return,
};

static void
open_channel(struct link *link)
{
	if (link->amqp == NULL || !wb_amqp_is_ready(link->amqp) ||
	    wb_amqp_is_blocked(link->amqp))
		return;
	link->state = LINK_OPENING;
	link->channel = wb_amqp_channel_open(link->amqp, &channel_events, link);
	if (link->channel == NULL) /* the broker allows no more of them */
		wait_to_open(link);
	else
		wb_amqp_confirm_select(link->channel, on_selected, link);
}

static void
on_timer(void *arg)
{
	struct link *link;

	WB_CAST(link, arg, LINK_MAGIC);
	link->state = LINK_DOWN;
	open_channel(link);
}

void
link_init(struct link *link, struct wb_loop *loop,
          const struct link_events *events, void *arg)
{
	*link = (struct link){
		.magic = LINK_MAGIC,
		.events = events,
		.arg = arg,
	};
	wb_timer_init(&link->timer, loop, on_timer, link);
}

void
link_fini(struct link *link)
{
	if (link->channel != NULL)
		wb_amqp_channel_close(link->channel);
	link->channel = NULL;
	wb_timer_fini(&link->timer);
}

void
link_attach(struct link *link, struct wb_amqp *amqp)
{
	link->amqp = amqp;
	if (link->state == LINK_OPENING || link->state == LINK_UP)
		return;
	wb_timer_stop(&link->timer);
	link->state = LINK_DOWN;
	open_channel(link);
}

void
link_drop(struct link *link)
{
	if (link->state != LINK_OPENING && link->state != LINK_UP)
		return;
	wb_amqp_channel_close(link->channel);
	link->channel = NULL;
	link->state = LINK_DOWN;
	open_channel(link);
}

void
link_worked(struct link *link)
{
	link->failures = 0;
}

bool
link_is_up(const struct link *link)
{
	return link->state == LINK_UP && !wb_amqp_is_blocked(link->amqp);
}

uint64_t
link_publish(struct link *link, const struct wb_amqp_message *message)
{
	WB_ASSERT(link->state == LINK_UP && wb_amqp_is_ready(link->amqp));
	return wb_amqp_publish(link->channel, message);
}
