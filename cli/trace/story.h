/* The whole story of an order, as it was found in the databases and at the
 * broker: its events, and what each of their consumers has done about them.
 * load.h fills it, expect.h draws conclusions, timeline.h and others tell it.
 *
 * Times are µs of the wall clock of whichever server wrote them; 0 = not known,
 * or not yet. Texts are never NULL; they and all the rest live in an arena. */
#ifndef WB_CLI_TRACE_STORY_H
#define WB_CLI_TRACE_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"
#include "services.h"

/* What became of an event at one consumer. */
enum wb_story_fate {
	WB_FATE_UNKNOWN,     /* so long ago that no trace is left */
	WB_FATE_UNPUBLISHED, /* the relay has not sent it yet */
	WB_FATE_WAITING,     /* in its queue, or just being handled */
	WB_FATE_SCHEDULED,   /* failed, and due again at some time */
	WB_FATE_DEAD,        /* dead-lettered */
	WB_FATE_GIVEN_UP, /* discarded by somebody, or its dead letter is gone
	                   */
	WB_FATE_HANDLED,
};

/* A failure that is over: the row that it left for the relay. */
struct wb_story_attempt {
	int64_t nth;
	int64_t failed_us;
	bool is_last; /* it was dead-lettered; else it was to be tried again */
	int64_t due_us;  /* when */
	int64_t sent_us; /* when the relay has sent the retry or dead letter */
	int64_t parked_us;    /* the broker would not take it */
	int64_t discarded_us; /* when somebody gave it up instead */
	const char *code, *error;
	const char *replay; /* the job whose attempt it was; "" = none */
	struct wb_story_attempt *next;
};

/* What an operator has done with its dead letter. */
struct wb_story_deed {
	int64_t at_us;
	bool is_sent;     /* back to the consumer */
	const char *kind; /* "replay", "edit", "discard" */
	const char *who, *why, *job;
	const char *outcome; /* as in dlq_items, "" = no verdict yet */
	struct wb_story_deed *next;
};

/* What lies in the dead-letter queue. */
struct wb_story_letter {
	int64_t failed_us, attempts;
	const char *code, *error;
};

struct wb_story_delivery {
	bool is_routed; /* the topology has a binding for it */
	enum wb_story_fate fate;
	int64_t handled_us;
	int64_t starts, started_us; /* begun without an end */
	struct wb_story_attempt *attempts, **attempts_end; /* as they came */
	struct wb_story_deed *deeds, **deeds_end;
	struct wb_story_letter *letter; /* NULL: none was seen */
};

struct wb_story_event {
	struct wb_uuid id, caused_by; /* nil: not known, or by nothing */
	const char *type;
	size_t service; /* that emitted it: WB_SERVICE_… */
	int64_t sequence;
	int64_t at_us; /* inserted, just before its commit */

	bool is_in_outbox; /* else only history still has it */
	bool is_published;
	int64_t confirmed_us;
	/* Passed over by the relay. */
	bool is_held;
	int64_t held_attempts, retry_us, parked_us;
	const char *held_reason;
	/* Given up by somebody. */
	int64_t discarded_us;
	const char *discarded_by, *discarded_why;

	struct wb_story_delivery deliveries[WB_N_SERVICES];
};

/* The order's row in one service. */
struct wb_story_step {
	const char *status; /* "" = it has none */
	int64_t since_us;
	int64_t due_us; /* of a call or a mail that is under way */
	bool is_parked; /* nothing is called any more: somebody has to act */
	int64_t tries;
	const char *detail; /* what the other side said last */
	const char *cause_code, *cause_detail;
};

struct wb_story {
	struct wb_arena *arena;
	struct wb_uuid id;
	char id_text[WB_UUID_TEXT_BYTES];
	int64_t asked_us; /* when all this was read */

	/* Of the order itself; status "" = its row was not found. */
	const char *status;
	const char *customer, *currency;
	int64_t total_minor;
	int64_t placed_us, updated_us;
	int64_t deadline_us; /* its cancellation is requested then */
	int64_t cancel_requested_us;
	bool is_cancel_refused;

	struct wb_story_step steps[WB_N_SERVICES];

	/* In the order of their times. */
	struct wb_story_event **events;
	size_t n_events;

	/* What could not be asked, in words; "" else. */
	struct wb_note gaps[WB_N_SERVICES];
	struct wb_note broker_gap;
	bool has_looked[WB_N_SERVICES]; /* into that dead-letter queue */
};

/* Sets everything to "nothing is known". */
void wb_story_init(struct wb_story *story, struct wb_arena *arena,
                   const struct wb_uuid *id);

/* The event with that id, NULL if it isn't there. */
struct wb_story_event *wb_story_find(const struct wb_story *story,
                                     const struct wb_uuid *id);

/* A new event, with the deliveries that the topology asks for. */
struct wb_story_event *wb_story_add(struct wb_story *story,
                                    const struct wb_uuid *id, size_t service,
                                    const char *type);

/* Once all has been added: sorts the events, and judges each delivery. */
void wb_story_end(struct wb_story *story);

/* Whether anything is known of such an order. */
bool wb_story_is_known(const struct wb_story *story);

/* CONFIRMED, REJECTED or CANCELLED; by its events where the row is missing. */
const char *wb_story_status(const struct wb_story *story);
bool wb_story_is_ended(const struct wb_story *story);

/* When it was placed, and when it ended (0: has not). */
int64_t wb_story_began_us(const struct wb_story *story);
int64_t wb_story_ended_us(const struct wb_story *story);

/* Whether something could not be asked. */
bool wb_story_has_gaps(const struct wb_story *story);

/* "handled", "waiting", … as JSON says it. */
const char *wb_story_fate_name(enum wb_story_fate fate);

/* The last one, or NULL. */
const struct wb_story_attempt *
wb_story_last_attempt(const struct wb_story_delivery *delivery);

void wb_story_add_attempt(struct wb_story_delivery *delivery,
                          struct wb_story_attempt *attempt);
void wb_story_add_deed(struct wb_story_delivery *delivery,
                       struct wb_story_deed *deed);

#endif
