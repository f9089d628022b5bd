/* Gate or poll. */
#include "wake.h"

#include <stdio.h>

#include "base/log.h"

void
wake_init(struct wake *wake, const struct relay_params *params,
          const char *name, int64_t now_us)
{
	static const char metric[] = "wb_relay_wake_mode";
	static const char help[] = "1 for how this source learns of new rows";
	char labels[128];

	*wake = (struct wake){
		.params = params,
		.name = name,
		.worked_us = now_us,
	};
	(void)snprintf(labels, sizeof labels, "source=\"%s\",mode=\"gate\"",
	               name);
	wake->gate = wb_gauge(metric, labels, help);
	(void)snprintf(labels, sizeof labels, "source=\"%s\",mode=\"poll\"",
	               name);
	wake->poll = wb_gauge(metric, labels, help);
}

static void
set(struct wake *wake, bool is_gated, bool is_sound, const char *why)
{
	const char *mode = is_gated ? "gate" : "poll";
	bool is_news = !wake->is_known || wake->is_gated != is_gated ||
	               wake->is_sound != is_sound;

	wake->is_known = true;
	wake->is_gated = is_gated;
	wake->is_sound = is_sound;
	wb_gauge_set(wake->gate, is_gated ? 1 : 0);
	wb_gauge_set(wake->poll, is_gated ? 0 : 1);
	if (!is_news)
		return;
	if (is_sound)
		wb_log_info(WB_LOG_RELAY_WAKE, "source=%s wake=%s why=\"%s\"",
		            wake->name, mode, why);
	else
		wb_log_warn(WB_LOG_RELAY_WAKE, "source=%s wake=%s why=\"%s\"",
		            wake->name, mode, why);
}

bool
wake_is_test_needed(struct wake *wake, bool is_pooled)
{
	enum relay_wake asked = relay_params_wake(wake->params);

	if (asked == RELAY_WAKE_POLL)
		set(wake, false, true, "wake=poll");
	else if (asked == RELAY_WAKE_AUTO && is_pooled)
		set(wake, false, true, "the connection goes through a pooler");
	else
		return true;
	return false;
}

void
wake_tested(struct wake *wake, bool works, const char *why)
{
	set(wake, works || relay_params_wake(wake->params) == RELAY_WAKE_GATE,
	    works, why);
}

bool
wake_is_worth_another(const struct wake *wake)
{
	return !wake->is_sound &&
	       relay_params_wake(wake->params) == RELAY_WAKE_AUTO;
}

void
wake_worked(struct wake *wake, int64_t now_us)
{
	wake->worked_us = now_us;
}

int64_t
wake_poll_ms(const struct wake *wake, int64_t now_us)
{
	int64_t wait_ms = (now_us - wake->worked_us) / 1000 / WAKE_PART;

	if (wait_ms > wake->params->poll_cap_ms)
		wait_ms = wake->params->poll_cap_ms;
	return wait_ms > wake->params->poll_ms ? wait_ms
	                                       : wake->params->poll_ms;
}
