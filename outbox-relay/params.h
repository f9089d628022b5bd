/* The relay's own parameters. */
#ifndef RELAY_PARAMS_H
#define RELAY_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/params.h"

struct relay_params {
	char *sources;
	char *exchange;
	char *dataschema_prefix;
	char *wake;           /* see enum relay_wake */
	int64_t batch_events; /* per transaction */
	int64_t batch_bytes;  /* of payloads */
	int64_t lanes_per_batch;
	int64_t max_message_bytes; /* of a body as published */
	int64_t batch_window_ms;   /* after this a batch sends nothing more */
	int64_t confirm_ms;        /* then it waits so long for confirms */
	int64_t claim_cap_ms;      /* for a whole transaction */
	int64_t idle_tx_ms;        /* the server's, for a frozen relay */
	int64_t max_attempts;
	int64_t retry_base_ms;
	int64_t retry_factor;
	int64_t retry_cap_ms;
	int64_t poll_ms;
	int64_t poll_cap_ms;
	int64_t max_sleep_ms;
	int64_t sweep_ms;
	int64_t retention_days;
	int64_t count_ms;
};

extern const struct wb_param relay_params_table[];
extern const size_t relay_params_count;

/* How the relay learns of new rows, as asked for. AUTO: the gate where it
 * works. */
enum relay_wake {
	RELAY_WAKE_AUTO,
	RELAY_WAKE_GATE,
	RELAY_WAKE_POLL,
	RELAY_WAKE_WRONG, /* none of these: relay_params_check refuses it */
};
enum relay_wake relay_params_wake(const struct relay_params *params);

/* What the table can't say: the time limits must nest, so that a slow broker
 * ends a batch before the database does. BAD_CONFIG with a note. */
enum wb_err relay_params_check(const struct relay_params *params,
                               struct wb_note *note) WB_MUST_USE;

#endif
