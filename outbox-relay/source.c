/* Who claims when, and how the source is doing. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/health.h"
#include "base/log.h"
#include "base/mem.h"
#include "gate.h"
#include "service/service.h"
#include "slot.h"
#include "sql.h"
#include "upkeep.h"

#define SOURCE_MAGIC 0x53524345u

enum {
	/* Two event batches in flight: one is read while the other waits for
	 * its confirms. */
	EVENT_SLOTS = 2,
	DELIVERY_SLOT = EVENT_SLOTS,
	SLOTS,
	/* How often an idle slot looks while another one is busy with all that
	 * there was; and while that one holds every lane, so that its end is
	 * what there is to wait for, unless it fails. */
	BUSY_POLL_MS = 5,
	BUSY_POLL_HELD_MS = 100,
	BUSY_POLL_DELIVERIES_MS = 50,
};

struct source {
	unsigned magic;
	struct source_config config;
	struct wb_pg_params pg_params;
	struct wb_amqp *amqp;
	struct slot slots[SLOTS];
	struct gate gate;
	struct upkeep upkeep;
	struct horizon horizon;
	struct published published;
	struct fronts fronts;
	struct floor floor;
	struct sweep events_sweep, deliveries_sweep;
	size_t max_message_bytes;
	struct wb_timer poll_timer, deliveries_timer;
	struct wb_health *postgres, *rabbitmq;
	/* Why the broker closed a channel of events, of deliveries; "" = fine.
	 * Their exchanges and rights are not the same. */
	struct wb_note refusals[2];
	struct wb_note broker_loss; /* or the last try to connect */
	char event_source[SOURCE_NAME_MAX + 2];
	char instance[256];
	bool is_draining, is_closing;
	wb_loop_fn drained;
	void *drained_arg;
};

/* ---- health ---- */

static void
show_database(struct source *source)
{
	const char *trouble = gate_trouble(&source->gate);

	for (size_t i = 0; i < SLOTS && trouble[0] == '\0'; i++)
		trouble = slot_database_trouble(&source->slots[i]);
	wb_health_set(source->postgres, trouble[0] == '\0', "%s",
	              trouble[0] == '\0' ? "connected" : trouble);
}

static struct wb_note *
refusal_of(struct source *source, const struct slot *slot)
{
	return &source->refusals[slot == &source->slots[DELIVERY_SLOT]];
}

static void
show_broker(struct source *source)
{
	const char *refusal = source->refusals[0].text;

	if (refusal[0] == '\0')
		refusal = source->refusals[1].text;
	if (!wb_amqp_is_ready(source->amqp))
		wb_health_set(source->rabbitmq, false, "%s",
		              source->broker_loss.text);
	else if (wb_amqp_is_blocked(source->amqp))
		wb_health_set(source->rabbitmq, false, "blocked by an alarm");
	else if (refusal[0] != '\0')
		wb_health_set(source->rabbitmq, false, "%s", refusal);
	else
		wb_health_set(source->rabbitmq, true, "connected");
}

/* ---- who claims ---- */

static bool
is_claiming(const struct source *source)
{
	for (size_t i = 0; i < EVENT_SLOTS; i++)
		if (source->slots[i].state == SLOT_CLAIMING)
			return true;
	return false;
}

/* One that has failed first: others would never let it show that it works
 * again. */
static struct slot *
idle_slot(struct source *source)
{
	struct slot *found = NULL;

	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		struct slot *slot = &source->slots[i];

		if (slot->state == SLOT_IDLE &&
		    (found == NULL || slot_has_failed(slot)))
			found = slot;
	}
	return found;
}

static bool
can_claim(const struct source *source)
{
	return gate_has_begun(&source->gate) && !source->is_draining;
}

/* One at a time: the second one finds only what the first one has left. */
static void
claim_events(struct source *source)
{
	struct slot *slot = idle_slot(source);

	wb_timer_stop(&source->poll_timer);
	if (slot != NULL && !is_claiming(source) && can_claim(source))
		slot_claim(slot);
}

static void
claim_deliveries(struct source *source)
{
	struct slot *slot = &source->slots[DELIVERY_SLOT];

	wb_timer_start_ms(&source->deliveries_timer, BUSY_POLL_DELIVERIES_MS);
	if (slot->state == SLOT_IDLE && can_claim(source))
		slot_claim(slot);
}

static bool
is_busy(const struct source *source)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (slot_is_busy(&source->slots[i]))
			return true;
	return false;
}

static bool
is_every_lane_held(const struct source *source)
{
	for (size_t i = 0; i < EVENT_SLOTS; i++)
		if (slot_holds_every_lane(&source->slots[i]))
			return true;
	return false;
}

/* Deliveries that were looked for in vain do not put it off. */
static void
look_again(struct source *source)
{
	if (!is_every_lane_held(source))
		wb_timer_start_ms(&source->poll_timer, BUSY_POLL_MS);
	else if (!wb_timer_is_pending(&source->poll_timer))
		wb_timer_start_ms(&source->poll_timer, BUSY_POLL_HELD_MS);
}

static bool
are_events_due(struct source *source)
{
	const struct slot *slot = idle_slot(source);

	return slot != NULL &&
	       (slot_has_failed(slot) ||
	        sweep_is_due(&source->events_sweep, wb_mono_us()));
}

/* Nothing was found. */
static void
rest(struct source *source)
{
	const struct slot *deliveries = &source->slots[DELIVERY_SLOT];

	if (is_busy(source)) {
		look_again(source);
	} else if (can_claim(source) && are_events_due(source)) {
		claim_events(source);
	} else if (can_claim(source) && deliveries->state == SLOT_IDLE &&
	           slot_has_failed(deliveries)) {
		claim_deliveries(source);
	} else {
		wb_timer_stop(&source->poll_timer);
		wb_timer_stop(&source->deliveries_timer);
		gate_sleep(&source->gate);
	}
}

static void
on_poll_timer(void *arg)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	claim_events(source);
}

static void
on_deliveries_timer(void *arg)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	claim_deliveries(source);
}

/* ---- draining ---- */

static void
on_amqp_closed(void *arg)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	source->drained(source->drained_arg);
}

static void
go_on_draining(struct source *source)
{
	if (!source->is_draining || source->is_closing || is_busy(source))
		return;
	source->is_closing = true;
	wb_amqp_close(source->amqp, on_amqp_closed, source);
}

/* ---- what slots say ---- */

static void
on_slot_idle(void *arg, struct slot *slot, bool found)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	if (source->is_draining) {
		go_on_draining(source);
		return;
	}
	show_database(source);
	if (found)
		gate_worked(&source->gate);
	if (slot == &source->slots[DELIVERY_SLOT]) {
		if (found)
			claim_deliveries(source);
		else
			rest(source);
	} else if (found) {
		claim_events(source);
	} else {
		rest(source);
	}
}

static void
on_slot_down(void *arg, struct slot *slot)
{
	struct source *source;

	(void)slot;
	WB_CAST(source, arg, SOURCE_MAGIC);
	if (source->is_draining)
		go_on_draining(source);
	else
		show_database(source);
}

static void
on_slot_database(void *arg)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	if (!source->is_draining)
		show_database(source);
}

static void
on_slot_claimed(void *arg, struct slot *slot)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	gate_worked(&source->gate);
	if (slot == &source->slots[DELIVERY_SLOT])
		return;
	/* What comes meanwhile is claimed when this batch is done. A second
	 * batch beside it pays only for a backlog: an empty claim costs the
	 * database as much as one that finds an event. */
	if (slot_has_left_some(slot))
		claim_events(source);
	else
		look_again(source);
}

static void
on_slot_worked(void *arg, struct slot *slot)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	if (refusal_of(source, slot)->text[0] == '\0')
		return;
	refusal_of(source, slot)->text[0] = '\0';
	show_broker(source);
}

static void
on_slot_refused(void *arg, struct slot *slot, uint16_t code, const char *text)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	wb_log_warn(WB_LOG_AMQP_CHANNEL, "source=%s kind=%s code=%u why=\"%s\"",
	            source->config.name->name, slot->config.kind->name,
	            (unsigned)code, text);
	(void)wb_fail(refusal_of(source, slot), WB_ERR_BROKER_REFUSED, "%u %s",
	              (unsigned)code, text);
	show_broker(source);
}

static const struct slot_events slot_events = {
	.on_idle = on_slot_idle,
	.on_down = on_slot_down,
	.on_database = on_slot_database,
	.on_claimed = on_slot_claimed,
	.on_worked = on_slot_worked,
	.on_refused = on_slot_refused,
};

/* ---- what the gate says ---- */

static void
on_wake(void *arg, bool by_producer)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	claim_events(source);
	/* If it was for a delivery, there are no events, and the gate finds it
	 * before it sleeps again. */
	if (by_producer)
		wb_timer_start_ms(&source->deliveries_timer,
		                  BUSY_POLL_DELIVERIES_MS);
	else
		claim_deliveries(source);
}

static void
on_session(void *arg, bool is_up)
{
	struct source *source;

	(void)is_up;
	WB_CAST(source, arg, SOURCE_MAGIC);
	published_forget(&source->published);
	fronts_forget(&source->fronts);
	show_database(source);
}

static const struct gate_events gate_events = {
	.on_wake = on_wake,
	.on_session = on_session,
};

/* ---- what the broker says ---- */

static void
attach(struct source *source)
{
	show_broker(source);
	for (size_t i = 0; i < SLOTS; i++)
		slot_attach(&source->slots[i], source->amqp);
}

static void
on_broker_ready(void *arg)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	wb_log_info(WB_LOG_AMQP_CONNECTED, "source=%s",
	            source->config.name->name);
	attach(source);
}

static void
on_broker_lost(void *arg, const char *why)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	wb_log_warn(WB_LOG_AMQP_LOST, "source=%s why=\"%s\"",
	            source->config.name->name, why);
	(void)wb_fail(&source->broker_loss, WB_ERR_BROKER_LOST, "%s", why);
	show_broker(source);
}

static void
on_blocked(void *arg, const char *why)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	wb_log_warn(WB_LOG_AMQP_BLOCKED, "source=%s why=\"%s\"",
	            source->config.name->name, why);
	show_broker(source);
}

static void
on_unblocked(void *arg)
{
	struct source *source;

	WB_CAST(source, arg, SOURCE_MAGIC);
	wb_log_info(WB_LOG_AMQP_UNBLOCKED, "source=%s",
	            source->config.name->name);
	attach(source);
}

static const struct wb_amqp_events amqp_events = {
	.on_ready = on_broker_ready,
	.on_lost = on_broker_lost,
	.on_blocked = on_blocked,
	.on_unblocked = on_unblocked,
};

/* ---- life ---- */

static void
init_slots(struct source *source)
{
	struct slot_config config = {
		.loop = source->config.loop,
		.kind = &kind_events,
		.params = source->config.params,
		.pg_params = &source->pg_params,
		.application_name = source->instance,
		.name = source->config.name->name,
		.event_source = source->event_source,
		.horizon = &source->horizon,
		.published = &source->published,
		.fronts = &source->fronts,
		.floor = &source->floor,
		.sweep = &source->events_sweep,
		.max_message_bytes = &source->max_message_bytes,
		.events = &slot_events,
		.arg = source,
	};

	for (; config.index < EVENT_SLOTS; config.index++)
		slot_init(&source->slots[config.index], &config);
	config.kind = &kind_deliveries;
	config.sweep = &source->deliveries_sweep;
	slot_init(&source->slots[DELIVERY_SLOT], &config);
}

static void
init_gate(struct source *source)
{
	const struct gate_config config = {
		.loop = source->config.loop,
		.params = source->config.params,
		.pg_params = &source->pg_params,
		.application_name = source->instance,
		.name = source->config.name->name,
		.horizon = &source->horizon,
		.deliveries = &source->floor,
		.handlers = &gate_events,
		.arg = source,
	};

	gate_init(&source->gate, &config);
}

static void
init_upkeep(struct source *source)
{
	const struct upkeep_config config = {
		.loop = source->config.loop,
		.params = source->config.params,
		.pg_params = &source->pg_params,
		.application_name = source->instance,
		.name = source->config.name->name,
		.horizon = &source->horizon,
		.deliveries = &source->floor,
	};

	upkeep_init(&source->upkeep, &config);
}

/* "outbox-relay orders@host:1234" */
static void
name_instance(struct source *source)
{
	const char *instance = wb_service_instance();
	size_t process = strcspn(instance, "@");

	(void)snprintf(source->instance, sizeof source->instance, "%.*s %s%s",
	               (int)process, instance, source->config.name->name,
	               instance + process);
	(void)snprintf(source->event_source, sizeof source->event_source, "/%s",
	               source->config.name->name);
}

static void
init_health(struct source *source)
{
	char name[SOURCE_NAME_MAX + 16];

	(void)snprintf(name, sizeof name, "postgres %s",
	               source->config.name->name);
	source->postgres = wb_health(name);
	(void)snprintf(name, sizeof name, "rabbitmq %s",
	               source->config.name->name);
	source->rabbitmq = wb_health(name);
}

struct source *
source_new(const struct source_config *config)
{
	struct source *source = wb_zalloc(sizeof *source);

	source->magic = SOURCE_MAGIC;
	source->config = *config;
	source->pg_params = *config->pg_params;
	source->pg_params.dsn = config->name->dsn;
	source->max_message_bytes = (size_t)config->params->max_message_bytes;
	name_instance(source);
	init_health(source);
	sweep_init(&source->events_sweep, config->params->sweep_ms,
	           wb_mono_us());
	sweep_init(&source->deliveries_sweep, config->params->sweep_ms,
	           wb_mono_us());
	wb_timer_init(&source->poll_timer, config->loop, on_poll_timer, source);
	wb_timer_init(&source->deliveries_timer, config->loop,
	              on_deliveries_timer, source);
	published_init(&source->published);
	init_slots(source);
	init_gate(source);
	init_upkeep(source);
	source->amqp = wb_amqp_new(config->loop, config->amqp_params,
	                           source->instance, &amqp_events, source);
	return source;
}

void
source_free(struct source *source)
{
	if (source == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		slot_fini(&source->slots[i]);
	gate_fini(&source->gate);
	upkeep_fini(&source->upkeep);
	wb_amqp_free(source->amqp);
	wb_timer_fini(&source->poll_timer);
	wb_timer_fini(&source->deliveries_timer);
	published_fini(&source->published);
	free(source);
}

void
source_drain(struct source *source, wb_loop_fn done, void *arg)
{
	source->is_draining = true;
	source->drained = done;
	source->drained_arg = arg;
	wb_timer_stop(&source->poll_timer);
	wb_timer_stop(&source->deliveries_timer);
	gate_drain(&source->gate);
	upkeep_drain(&source->upkeep);
	for (size_t i = 0; i < SLOTS; i++)
		slot_drain(&source->slots[i]);
	go_on_draining(source);
}
