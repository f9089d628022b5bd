/* How a source learns of new rows: by the gate (see gate.h), where a commit can
 * wake it, or else by polling. Which of the two is in force, and why. */
#ifndef RELAY_WAKE_H
#define RELAY_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "params.h"

enum {
	/* While it polls, it waits for this part of the time since it last had
	 * work, so that an event is late by at most a hundredth of the pause
	 * before it; within poll-ms and poll-cap-ms. */
	WAKE_PART = 100,
};

struct wake {
	const struct relay_params *params;
	const char *name; /* of the source */
	bool is_known;    /* by the parameter, the connection or a test */
	bool is_gated;    /* in force; not before it is known */
	bool is_sound;    /* it is what was asked for, and it works */
	int64_t worked_us;
	struct wb_gauge *gate, *poll;
};

void wake_init(struct wake *wake, const struct relay_params *params,
               const char *name, int64_t now_us);

/* Whether a test must decide (wake_tested). If not, it is decided now. Each
 * change is logged. is_pooled: the connection goes through a pooler. */
bool wake_is_test_needed(struct wake *wake, bool is_pooled);

/* why: one line, for the log. */
void wake_tested(struct wake *wake, bool works, const char *why);

/* Whether another test may find something better, later. */
bool wake_is_worth_another(const struct wake *wake);

/* There was work; how long to wait for more of it before looking again. */
void wake_worked(struct wake *wake, int64_t now_us);
int64_t wake_poll_ms(const struct wake *wake, int64_t now_us);

#endif
