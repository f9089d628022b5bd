/* The state table of one batch. */
#include "slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "confirm.h"
#include "order.h"
#include "refusal.h"
#include "sql.h"

#define SLOT_MAGIC 0x534c4f54u

enum { TOO_MANY_FAILURES = 3 };

static const struct {
	const char *name;
	unsigned to;
} states[] = {
#define TO(name)    (1u << SLOT_##name)
#define X(name, to) [SLOT_##name] = { #name, to },
	SLOT_STATE_TABLE(X)
#undef X
#undef TO
};

static const struct wb_backoff again = {
	.base_ms = 100,
	.factor = 2,
	.cap_ms = 5000,
};

static void
enter(struct slot *slot, enum slot_state to)
{
	WB_ASSERT(states[slot->state].to & 1u << to);
	wb_log_debug(WB_LOG_RELAY_SLOT, "source=%s kind=%s from=%s to=%s",
	             slot->config.name, slot->config.kind->name,
	             states[slot->state].name, states[to].name);
	slot->state = to;
	wb_timer_stop(&slot->timer);
}

/* ---- the end of a run ---- */

/* IDLE if it can be. */
static void
settle_down(struct slot *slot, bool found)
{
	if (slot->state != SLOT_DOWN &&
	    !(wb_pg_is_idle(slot->pg) && link_is_up(&slot->link))) {
		enter(slot, SLOT_DOWN);
		slot->config.events->on_down(slot->config.arg, slot);
		return;
	}
	if (slot->state == SLOT_DOWN &&
	    (wb_timer_is_pending(&slot->timer) || !wb_pg_is_idle(slot->pg) ||
	     !link_is_up(&slot->link)))
		return;
	enter(slot, SLOT_IDLE);
	slot->config.events->on_idle(slot->config.arg, slot, found);
}

static void
count_outcomes(struct slot *slot)
{
	for (size_t i = 0; i < slot->batch.n_rows; i++)
		wb_counter_add(slot->outcomes[slot->batch.rows[i].state], 1);
	wb_counter_add(slot->batches, 1);
	wb_gauge_set(slot->batch_rows, (double)slot->batch.n_rows);
}

/* The transaction has failed under us. What is on its way to the broker can't
 * be marked any more: it will be published again. */
static void
fail(struct slot *slot, const char *why)
{
	(void)wb_fail(&slot->why, WB_ERR_DB_ERROR, "%s", why);
	if (confirm_outstanding(&slot->batch) > 0)
		link_drop(&slot->link);
	enter(slot, SLOT_DOWN);
	wb_timer_start_ms(&slot->timer, wb_backoff_ms(&again, slot->failures));
	slot->failures++;
	slot->config.events->on_down(slot->config.arg, slot);
}

static void
on_tx_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	slot->tx = NULL;
	switch (outcome->end) {
	case WB_TX_COMMITTED:
		WB_CRASH_POINT("relay.after_mark");
		if (slot->config.kind->marked != NULL)
			slot->config.kind->marked(&slot->claim);
		slot->failures = 0;
		settle_down(slot, true);
		break;
	case WB_TX_ROLLED_BACK:
		slot->failures = 0;
		settle_down(slot, false);
		break;
	case WB_TX_FAILED:
	case WB_TX_UNKNOWN:
		fail(slot, outcome->message);
		break;
	}
}

static void
release(struct slot *slot)
{
	enter(slot, SLOT_RELEASING);
	wb_tx_rollback(slot->tx);
}

static void
mark(struct slot *slot)
{
	enter(slot, SLOT_MARKING);
	slot->config.kind->mark(&slot->claim, slot->tx);
	wb_tx_commit(slot->tx);
}

/* Every row has its end, or will get none in this run. */
static void
finish(struct slot *slot)
{
	order_leave_waiting(&slot->batch);
	count_outcomes(slot);
	if (!batch_has_marks(&slot->batch)) {
		release(slot);
		return;
	}
	WB_CRASH_POINT("relay.after_confirm");
	mark(slot);
}

/* ---- publishing ---- */

static void
enter_confirming(struct slot *slot)
{
	enter(slot, SLOT_CONFIRMING);
	wb_timer_start_ms(&slot->timer, slot->config.params->confirm_ms);
}

static void
advance(struct slot *slot)
{
	bool is_over =
	    confirm_outstanding(&slot->batch) == 0 &&
	    (slot->state == SLOT_CONFIRMING || slot->batch.n_waiting == 0);

	wb_gauge_set(slot->in_flight,
	             (double)confirm_outstanding(&slot->batch));
	if (is_over)
		finish(slot);
	else if (slot->state == SLOT_PUBLISHING && slot->batch.n_waiting == 0)
		enter_confirming(slot);
}

static void
send(struct slot *slot, struct row *row)
{
	uint64_t tag;

	row->message.body = slot->batch.bodies.data + row->body_at;
	row->message.body_bytes = row->body_bytes;
	tag = link_publish(&slot->link, &row->message);
	if (tag == 0) {
		batch_fail(&slot->batch, row, ROW_MALFORMED,
		           "BAD_MESSAGE: its headers are longer than a frame "
		           "of the broker's");
		order_leave_rest(&slot->batch, row);
		return;
	}
	confirm_sent(&slot->batch, tag, row);
}

static void
on_row_settled(void *arg, struct row *row)
{
	struct slot *slot = arg;
	struct row *next = NULL;

	if (row->state != ROW_ACKED) {
		order_leave_rest(&slot->batch, row);
		return;
	}
	if (row->aggregate_type != NULL) {
		published_note(slot->config.published, row->aggregate_type,
		               row->aggregate_id, row->sequence);
		wb_histogram_add_us(slot->latency,
		                    wb_wall_us() - row->created_us);
	}
	if (slot->state == SLOT_PUBLISHING && link_is_up(&slot->link))
		next = order_next(&slot->batch, row);
	if (next != NULL)
		send(slot, next);
}

static void
on_confirm(void *arg, uint64_t tag, bool is_multiple, bool is_ack)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	if (slot->state != SLOT_PUBLISHING && slot->state != SLOT_CONFIRMING)
		return;
	WB_CRASH_POINT("relay.after_publish");
	if (is_ack) {
		link_worked(&slot->link);
		slot->config.events->on_worked(slot->config.arg, slot);
	}
	confirm_settle(&slot->batch, tag, is_multiple, is_ack, on_row_settled,
	               slot);
	advance(slot);
}

static void
on_return(void *arg, const struct wb_amqp_return *returned)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	(void)confirm_returned(&slot->batch, returned);
}

static void
on_read(void *arg)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	if (slot->batch.n_rows == 0 && slot->config.kind->has_moved != NULL &&
	    slot->config.kind->has_moved(&slot->claim)) {
		mark(slot);
		return;
	}
	if (slot->batch.n_rows == 0 || slot->is_draining ||
	    !link_is_up(&slot->link)) {
		release(slot);
		return;
	}
	WB_CRASH_POINT("relay.after_claim");
	enter(slot, SLOT_PUBLISHING);
	wb_timer_start_ms(&slot->timer, slot->config.params->batch_window_ms);
	order_leave_early(&slot->batch);
	for (size_t i = 0; i < slot->batch.n_rows; i++)
		if (order_is_head(&slot->batch, &slot->batch.rows[i]))
			send(slot, &slot->batch.rows[i]);
	advance(slot);
	if (slot->state == SLOT_PUBLISHING || slot->state == SLOT_CONFIRMING)
		slot->config.events->on_claimed(slot->config.arg, slot);
}

void
slot_claim(struct slot *slot)
{
	WB_ASSERT(slot->state == SLOT_IDLE && !slot->is_draining);
	batch_reset(&slot->batch);
	enter(slot, SLOT_CLAIMING);
	slot->tx = wb_tx_begin_relaxed(slot->pg, on_tx_done, slot);
	wb_tx_deadline_ms(slot->tx, slot->config.params->claim_cap_ms);
	slot->config.kind->start(&slot->claim, slot->tx);
}

/* ---- what else may happen ---- */

static void
count_cut_off(struct slot *slot, enum slot_cut cut)
{
	wb_counter_add(slot->cut_off[cut], confirm_outstanding(&slot->batch));
	wb_gauge_set(slot->in_flight, 0);
}

static void
give_up_confirms(struct slot *slot)
{
	wb_log_warn(WB_LOG_RELAY_CONFIRM,
	            "source=%s kind=%s waited_ms=%lld unconfirmed=%zu",
	            slot->config.name, slot->config.kind->name,
	            (long long)slot->config.params->confirm_ms,
	            confirm_outstanding(&slot->batch));
	count_cut_off(slot, wb_amqp_is_blocked(slot->link.amqp)
	                        ? SLOT_CUT_BLOCKED
	                        : SLOT_CUT_TIMEOUT);
	/* Before the rows are given back, so that no confirm of theirs can be
	 * taken for one of the next batch. */
	link_drop(&slot->link);
	confirm_give_up(&slot->batch, NULL);
	finish(slot);
}

static void
on_timer(void *arg)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	switch (slot->state) {
	case SLOT_DOWN:
		settle_down(slot, false);
		break;
	case SLOT_PUBLISHING:
		enter_confirming(slot);
		order_leave_waiting(&slot->batch);
		advance(slot);
		break;
	case SLOT_CONFIRMING:
		give_up_confirms(slot);
		break;
	case SLOT_IDLE:
	case SLOT_CLAIMING:
	case SLOT_MARKING:
	case SLOT_RELEASING:
		break;
	}
}

static void
on_link_up(void *arg)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	if (slot->state == SLOT_DOWN)
		settle_down(slot, false);
}

/* A message that the broker finds too large, or for an exchange that its row
 * names and that is not there, closes the channel: only such are to blame. The
 * relay's own exchange is no message's fault. */
static bool
is_to_blame(const struct slot *slot, const struct refusal *refusal)
{
	if (refusal->limit_bytes > 0)
		return true;
	if (refusal->exchange[0] == '\0' ||
	    strcmp(refusal->exchange, slot->config.params->exchange) == 0)
		return false;
	for (size_t i = 0; i < slot->batch.n_rows; i++)
		if (strcmp(slot->batch.rows[i].message.exchange,
		           refusal->exchange) == 0)
			return true;
	return false;
}

static void
on_link_down(void *arg, uint16_t code, const char *text)
{
	struct slot *slot;
	struct refusal refusal = refusal_of(code, text);
	bool is_blamed;

	WB_CAST(slot, arg, SLOT_MAGIC);
	is_blamed = is_to_blame(slot, &refusal);
	/* No such message is sent again. */
	if (refusal.limit_bytes > 0 &&
	    refusal.limit_bytes < *slot->config.max_message_bytes)
		*slot->config.max_message_bytes = refusal.limit_bytes;
	if (code != 0 && !is_blamed)
		slot->config.events->on_refused(slot->config.arg, slot, code,
		                                text);
	if (slot->state == SLOT_PUBLISHING || slot->state == SLOT_CONFIRMING) {
		count_cut_off(slot, code != 0 ? SLOT_CUT_CHANNEL_CLOSED
		                              : SLOT_CUT_CONNECTION_LOST);
		confirm_give_up(&slot->batch, is_blamed ? &refusal : NULL);
		finish(slot);
	} else if (slot->state == SLOT_IDLE) {
		settle_down(slot, false);
	}
}

static const struct link_events link_events = {
	.on_up = on_link_up,
	.on_down = on_link_down,
	.on_confirm = on_confirm,
	.on_return = on_return,
};

static void
on_pg_ready(void *arg)
{
	struct slot *slot;

	WB_CAST(slot, arg, SLOT_MAGIC);
	slot->config.events->on_database(slot->config.arg);
	if (slot->state == SLOT_DOWN)
		settle_down(slot, false);
}

static void
on_pg_lost(void *arg, const char *why)
{
	struct slot *slot;

	(void)why;
	WB_CAST(slot, arg, SLOT_MAGIC);
	slot->config.events->on_database(slot->config.arg);
	if (slot->state == SLOT_IDLE)
		settle_down(slot, false);
}

static const struct wb_pg_events pg_events = {
	.on_ready = on_pg_ready,
	.on_lost = on_pg_lost,
};

/* ---- life ---- */

static void
init_cut_off(struct slot *slot)
{
	static const char *const cuts[] = {
		[SLOT_CUT_CHANNEL_CLOSED] = "channel_closed",
		[SLOT_CUT_CONNECTION_LOST] = "connection_lost",
		[SLOT_CUT_BLOCKED] = "blocked",
		[SLOT_CUT_TIMEOUT] = "timeout",
	};
	char labels[128];

	for (size_t i = 0; i < SLOT_CUTS; i++) {
		(void)snprintf(labels, sizeof labels,
		               "source=\"%s\",kind=\"%s\",by=\"%s\"",
		               slot->config.name, slot->config.kind->name,
		               cuts[i]);
		slot->cut_off[i] =
		    wb_counter("wb_relay_cut_off_total", labels,
		               "rows left without the broker's word, by what "
		               "cut them off; they are published again");
	}
}

static void
init_metrics(struct slot *slot)
{
	static const char *const outcomes[] = {
		[ROW_WAITING] = "left",        [ROW_SENT] = "left",
		[ROW_RETURNED] = "left",       [ROW_ACKED] = "published",
		[ROW_NACKED] = "nacked",       [ROW_UNROUTABLE] = "unroutable",
		[ROW_TOO_LARGE] = "too_large", [ROW_MALFORMED] = "malformed",
		[ROW_LEFT] = "left",
	};
	const struct slot_config *config = &slot->config;
	char labels[128];

	for (size_t i = 0; i < WB_ARRAY_LEN(outcomes); i++) {
		(void)snprintf(labels, sizeof labels,
		               "source=\"%s\",outcome=\"%s\"", config->name,
		               outcomes[i]);
		slot->outcomes[i] = wb_counter(config->kind->metric, labels,
		                               config->kind->help);
	}
	(void)snprintf(labels, sizeof labels, "source=\"%s\"", config->name);
	slot->latency =
	    wb_histogram("wb_relay_commit_to_confirm_seconds", labels,
	                 "from the insert of an event to the broker's confirm");
	(void)snprintf(labels, sizeof labels, "source=\"%s\",kind=\"%s\"",
	               config->name, config->kind->name);
	slot->batches = wb_counter("wb_relay_batches_total", labels,
	                           "batches that held rows");
	slot->batch_rows =
	    wb_gauge("wb_relay_batch_events", labels, "rows of the last batch");
	(void)snprintf(labels, sizeof labels,
	               "source=\"%s\",kind=\"%s\",slot=\"%zu\"", config->name,
	               config->kind->name, config->index);
	slot->in_flight = wb_gauge("wb_relay_in_flight", labels,
	                           "rows sent and not yet confirmed");
	init_cut_off(slot);
}

void
slot_init(struct slot *slot, const struct slot_config *config)
{
	*slot = (struct slot){
		.magic = SLOT_MAGIC,
		.config = *config,
		.state = SLOT_DOWN,
		.claim = {
			.params = config->params,
			.name = config->name,
			.event_source = config->event_source,
			.horizon = config->horizon,
			.published = config->published,
			.fronts = config->fronts,
			.floor = config->floor,
			.sweep = config->sweep,
			.max_message_bytes = config->max_message_bytes,
			.batch = &slot->batch,
			.on_read = on_read,
			.arg = slot,
			.args = wb_pg_args_new(),
		},
	};
	batch_init(&slot->batch,
	           config->kind->cap((size_t)config->params->batch_events),
	           2 * (size_t)config->params->batch_bytes);
	init_metrics(slot);
	wb_timer_init(&slot->timer, config->loop, on_timer, slot);
	link_init(&slot->link, config->loop, &link_events, slot);
	slot->pg = wb_pg_new(config->loop, config->pg_params,
	                     config->application_name, &pg_events, slot);
	sql_slot_settings(slot->pg, config->params->idle_tx_ms);
}

void
slot_fini(struct slot *slot)
{
	link_fini(&slot->link);
	wb_pg_free(slot->pg);
	wb_timer_fini(&slot->timer);
	wb_pg_args_free(slot->claim.args);
	wb_buf_fini(&slot->claim.scratch);
	batch_fini(&slot->batch);
}

void
slot_attach(struct slot *slot, struct wb_amqp *amqp)
{
	link_attach(&slot->link, amqp);
	if (slot->state == SLOT_DOWN)
		settle_down(slot, false);
}

void
slot_drain(struct slot *slot)
{
	slot->is_draining = true;
	if (slot->state == SLOT_PUBLISHING) {
		enter_confirming(slot);
		order_leave_waiting(&slot->batch);
		advance(slot);
	}
}

const char *
slot_database_trouble(const struct slot *slot)
{
	const char *why = wb_pg_why(slot->pg);

	if (wb_pg_is_ready(slot->pg))
		return slot->failures < TOO_MANY_FAILURES ? "" : slot->why.text;
	return why[0] != '\0' ? why : "connecting";
}

bool
slot_is_busy(const struct slot *slot)
{
	return slot->state != SLOT_DOWN && slot->state != SLOT_IDLE;
}

bool
slot_has_failed(const struct slot *slot)
{
	return slot->failures > 0;
}

bool
slot_has_left_some(const struct slot *slot)
{
	return claim_has_left_some(&slot->claim);
}

bool
slot_holds_every_lane(const struct slot *slot)
{
	return slot_is_busy(slot) && slot->claim.n_cursors == CURSOR_LANES;
}
