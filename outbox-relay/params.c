/* The relay's parameters and how they depend on each other. */
#include "params.h"

#include <stddef.h>
#include <string.h>

#define FIELD(name) .offset = offsetof(struct relay_params, name)
#define INT(key, field, value, least, most, unit_, help_)                      \
	{                                                                      \
		.name = key, .type = WB_PARAM_INT, FIELD(field), .def = value, \
		.min = least, .max = most, .unit = unit_, .help = help_        \
	}
#define TEXT(key, field, value, least, most, help_)                            \
	{                                                                      \
		.name = key, .type = WB_PARAM_TEXT, FIELD(field),              \
		.def = value, .min = least, .max = most, .unit = "",           \
		.help = help_                                                  \
	}

const struct wb_param relay_params_table[] = {
	{ .name = "sources",
	  .type = WB_PARAM_SECRET,
	  FIELD(sources),
	  .def = "",
	  .max = 65536,
	  .unit = "",
	  .help = "the databases, as name=URI separated by white space: "
	          "orders=postgres://relay@db/orders; the name is the source "
	          "of its events (/orders)" },
	TEXT("exchange", exchange, "waybill.events", 1, 255,
	     "where events are published, with their type as the routing key"),
	TEXT("dataschema-prefix", dataschema_prefix,
	     "https://waybill.example/events/", 0, 1024,
	     "dataschema of an event is this, its type and .json; empty: none"),
	TEXT("wake", wake, "auto", 1, 16,
	     "how the relay learns of new rows: gate (woken by the commit), "
	     "poll, or auto (gate where a test shows that it works, which it "
	     "does not through most poolers)"),
	INT("batch-events", batch_events, "1000", 1, 10000, "rows",
	    "most rows of one transaction"),
	INT("batch-bytes", batch_bytes, "1048576", 1024, 1 << 28, "bytes",
	    "no row is added to a batch beyond this"),
	INT("lanes-per-batch", lanes_per_batch, "4", 1, 8, "lanes",
	    "most of the 8 lanes that one batch locks while there is more than "
	    "one can take, so that another batch or relay finds some"),
	INT("max-message-bytes", max_message_bytes, "16777216", 1024, 1 << 26,
	    "bytes", "a larger message is parked unsent"),
	INT("batch-window-ms", batch_window_ms, "200", 1, 60000, "ms",
	    "after this a batch sends nothing more, so that one long chain of "
	    "events does not hold its lanes"),
	INT("confirm-timeout-ms", confirm_ms, "5000", 10, 600000, "ms",
	    "how long a batch then waits for the broker's confirms"),
	INT("claim-cap-ms", claim_cap_ms, "10000", 10, 600000, "ms",
	    "longest transaction; more than window and confirms together"),
	INT("idle-in-transaction-ms", idle_tx_ms, "15000", 10, 600000, "ms",
	    "when the server ends the transaction of a frozen relay; more than "
	    "claim-cap-ms"),
	INT("max-attempts", max_attempts, "10", 1, 1000, "attempts",
	    "refused so often by the broker, a row is parked"),
	INT("retry-base-ms", retry_base_ms, "1000", 1, 600000, "ms",
	    "a refused row is tried again after up to base * factor^n"),
	INT("retry-factor", retry_factor, "2", 1, 10, "", "see retry-base-ms"),
	INT("retry-cap-ms", retry_cap_ms, "60000", 1, 86400000, "ms",
	    "longest wait between two tries"),
	INT("poll-ms", poll_ms, "5", 1, 60000, "ms",
	    "while polling: shortest wait before the relay looks for rows "
	    "again; it is a hundredth of the time since it last found some"),
	INT("poll-cap-ms", poll_cap_ms, "50", 1, 60000, "ms",
	    "while polling: longest wait"),
	INT("max-sleep-ms", max_sleep_ms, "1000", 100, 60000, "ms",
	    "with the gate: longest sleep without looking"),
	INT("sweep-ms", sweep_ms, "10000", 100, 600000, "ms",
	    "how often everything is looked at, for what the usual look can't "
	    "see (a clock that was set back, deliveries that committed late); "
	    "longer where that is slow"),
	INT("retention-days", retention_days, "7", 1, 13, "days",
	    "how long published events stay in their table"),
	INT("count-ms", count_ms, "10000", 100, 3600000, "ms",
	    "how often rows are counted for the metrics"),
};

const size_t relay_params_count = WB_ARRAY_LEN(relay_params_table);

enum relay_wake
relay_params_wake(const struct relay_params *params)
{
	static const char *const names[] = {
		[RELAY_WAKE_AUTO] = "auto",
		[RELAY_WAKE_GATE] = "gate",
		[RELAY_WAKE_POLL] = "poll",
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(names); i++)
		if (strcmp(params->wake, names[i]) == 0)
			return (enum relay_wake)i;
	return RELAY_WAKE_WRONG;
}

enum wb_err
relay_params_check(const struct relay_params *params, struct wb_note *note)
{
	if (relay_params_wake(params) == RELAY_WAKE_WRONG)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "wake=%s: auto, gate or poll", params->wake);
	if (params->batch_window_ms + params->confirm_ms >=
	    params->claim_cap_ms)
		return wb_fail(
		    note, WB_ERR_BAD_CONFIG,
		    "claim-cap-ms=%lld: must be more than batch-window-ms + "
		    "confirm-timeout-ms",
		    (long long)params->claim_cap_ms);
	if (params->claim_cap_ms >= params->idle_tx_ms)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "idle-in-transaction-ms=%lld: must be more than "
		               "claim-cap-ms",
		               (long long)params->idle_tx_ms);
	return WB_OK;
}
