/* The mailer: claim → send → record. */
#include "mailer.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "mail.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>

static struct wb_smtp_params smtp_params;

static struct mailer_params {
	char *from;
	char *from_name;
	int64_t max_mails;
	int64_t deadline_ms;
	int64_t max_attempts;
	int64_t poll_ms;
	int64_t retry_base_ms;
	int64_t retry_cap_ms;
	int64_t keep_days;
} params;

#define FIELD(name) offsetof(struct mailer_params, name)
static const struct wb_param param_table[] = {
	{ "mail-from", WB_PARAM_TEXT, FIELD(from), "orders@waybill.example", 3,
	  254, "", "the sender's address" },
	{ "mail-from-name", WB_PARAM_TEXT, FIELD(from_name), "Waybill", 0, 200,
	  "", "the sender's name" },
	{ "max-mails", WB_PARAM_INT, FIELD(max_mails), "16", 1, 1000, "mails",
	  "most mails under way at a time" },
	{ "mail-deadline-ms", WB_PARAM_INT, FIELD(deadline_ms), "10000", 10,
	  600000, "ms", "for a mail, from the connect to the last answer" },
	{ "mail-max-attempts", WB_PARAM_INT, FIELD(max_attempts), "10", 1,
	  1000000, "attempts",
	  "answers of \"not now\" after which a mail is given up" },
	{ "mail-poll-ms", WB_PARAM_INT, FIELD(poll_ms), "500", 10, 60000, "ms",
	  "how often to look for mails that are due again" },
	{ "mail-retry-base-ms", WB_PARAM_INT, FIELD(retry_base_ms), "2000", 1,
	  600000, "ms", "longest wait before the second try; then doubled" },
	{ "mail-retry-cap-ms", WB_PARAM_INT, FIELD(retry_cap_ms), "600000", 1,
	  86400000, "ms", "longest wait between two tries" },
	{ "mail-keep-days", WB_PARAM_INT, FIELD(keep_days), "90", 1, 36500,
	  "days",
	  "how long mails are kept that were sent or have failed; not shorter "
	  "than inbox-keep-days, for an order's mail is sent again when both "
	  "have forgotten it" },
};
#undef FIELD

/* Longer than any mail takes: nobody else may take it over before. */
enum { LEASE_MARGIN_MS = 5000 };

static struct {
	struct wb_claims *claims;
	struct wb_smtp *smtp;
	struct wb_backoff retry;
	bool is_server_down; /* as the last answer has it */
	struct wb_counter *outcomes[WB_SMTP_OUTCOME_COUNT];
	struct wb_histogram *seconds;
	struct wb_gauge *server_up;
	struct wb_pg_args *args; /* of forget_stmt */
	int64_t from_block;      /* the next slice to be purged */
} mailer;

static const struct wb_pg_stmt claim_stmt = {
	.name = "claim_mails",
	.sql = "SELECT * FROM claim_mails($1::int, $2::bigint)",
};

static const struct wb_pg_stmt forget_stmt = {
	.name = "forget_mails",
	.sql = "SELECT forget_mails($1::int, $2::bigint)",
};

/* Between two slices of the table that are looked through for old mails. */
enum { PURGE_MS = 1000 };

enum {
	EVENT_ID,
	ORDER_ID,
	NAME,
	EMAIL,
	SUBJECT,
	CONTENT,
	TRIES,
	CREATED_US,
};

static void
read_claim(const struct wb_pg_result *result, size_t row,
           struct wb_claim *claim)
{
	struct parcel *parcel = (struct parcel *)claim;

	parcel->event_id = wb_pg_uuid(result, row, EVENT_ID);
	parcel->nth = wb_pg_i64(result, row, TRIES);
	parcel->to = wb_strdup(wb_pg_text(result, row, EMAIL));
	mail_format(
	    &(struct mail){
	        .event_id = parcel->event_id,
	        .from_name = params.from_name,
	        .from = params.from,
	        .to_name = wb_pg_text(result, row, NAME),
	        .to = parcel->to,
	        .subject = wb_pg_text(result, row, SUBJECT),
	        .content = wb_pg_text(result, row, CONTENT),
	        .created_us = wb_pg_i64(result, row, CREATED_US),
	    },
	    &parcel->content);
}

static void
parcel_fini(struct wb_claim *claim)
{
	struct parcel *parcel = (struct parcel *)claim;

	free(parcel->to);
	wb_buf_fini(&parcel->content);
}

static void
note_server(bool is_down, const char *why)
{
	if (is_down && !mailer.is_server_down)
		wb_log_warn(WB_LOG_MAIL_SERVER, "url=%s up=no why=\"%s\"",
		            smtp_params.url, why);
	if (!is_down && mailer.is_server_down)
		wb_log_info(WB_LOG_MAIL_SERVER, "url=%s up=yes",
		            smtp_params.url);
	mailer.is_server_down = is_down;
	wb_gauge_set(mailer.server_up, is_down ? 0 : 1);
}

/* nth tries were made, so nth - 1 waits have been. */
static void
end(struct parcel *parcel, const struct wb_smtp_answer *answer)
{
	wb_counter_add(mailer.outcomes[answer->outcome], 1);
	parcel->outcome = answer->outcome;
	(void)snprintf(parcel->answer, sizeof(parcel->answer), "%s",
	               answer->text);
	parcel->retry_ms =
	    wb_backoff_ms(&mailer.retry, (unsigned)parcel->nth - 1);
	wb_claims_end(mailer.claims, &parcel->claim);
}

static void
on_answer(const struct wb_smtp_answer *answer, void *arg)
{
	struct parcel *parcel = arg;

	if (answer->outcome == WB_SMTP_ACCEPTED)
		WB_CRASH_POINT("mailer.after_accept");
	note_server(answer->outcome == WB_SMTP_UNREACHABLE, answer->text);
	wb_histogram_add_us(mailer.seconds, wb_mono_us() - parcel->begun_us);
	end(parcel, answer);
}

static void
begin(struct wb_claim *claim)
{
	struct parcel *parcel = (struct parcel *)claim;

	if (!wb_smtp_is_address(parcel->to)) {
		end(parcel, &(struct wb_smtp_answer){
		                .outcome = WB_SMTP_REFUSED,
		                .text = "the customer's e-mail is no address "
		                        "that can be mailed to",
		            });
		return;
	}
	parcel->begun_us = wb_mono_us();
	wb_smtp_send(mailer.smtp,
	             &(struct wb_smtp_mail){
	                 .from = params.from,
	                 .to = parcel->to,
	                 .content = parcel->content.data,
	                 .bytes = parcel->content.len,
	                 .deadline_ms = params.deadline_ms,
	             },
	             on_answer, parcel);
}

static void
on_forgotten(const struct wb_pg_result *result, void *arg)
{
	(void)arg;
	mailer.from_block = wb_pg_i64(result, 0, 0);
}

static void
forget(struct wb_tx *tx)
{
	wb_pg_args_clear(mailer.args);
	wb_pg_arg_i32(mailer.args, (int32_t)params.keep_days);
	wb_pg_arg_i64(mailer.args, mailer.from_block);
	wb_tx_query(tx, &forget_stmt, mailer.args, on_forgotten, NULL);
	wb_tx_commit(tx);
}

static const struct wb_claims_ops ops = {
	.claim = &claim_stmt,
	.claim_bytes = sizeof(struct parcel),
	.read = read_claim,
	.begin = begin,
	.record = record_write,
	.fini = parcel_fini,
	.upkeep = forget,
};

static void
make_metrics(void)
{
	for (int o = 0; o < WB_SMTP_OUTCOME_COUNT; o++) {
		char labels[48];

		(void)snprintf(labels, sizeof(labels), "outcome=\"%s\"",
		               wb_smtp_outcome_name((enum wb_smtp_outcome)o));
		mailer.outcomes[o] = wb_counter("wb_mail_tries_total", labels,
		                                "Tries to send a mail.");
	}
	mailer.seconds = wb_histogram("wb_mail_seconds", "",
	                              "How long the mail server took.");
	mailer.server_up =
	    wb_gauge("wb_mail_server_up", "",
	             "1 if it could be reached the last time, else 0.");
	wb_gauge_set(mailer.server_up, 1);
}

static enum wb_err
check_params(struct wb_note *note)
{
	if (!wb_smtp_is_address(params.from))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "mail-from must be an address");
	return wb_smtp_params_check(&smtp_params, note);
}

static enum wb_err
start(struct wb_loop *loop, const struct wb_pg_params *pg, struct wb_note *note)
{
	enum wb_err err = check_params(note);

	if (err != WB_OK)
		return err;
	make_metrics();
	mailer.retry = (struct wb_backoff){
		.base_ms = params.retry_base_ms,
		.factor = 2,
		.cap_ms = params.retry_cap_ms,
	};
	mailer.args = wb_pg_args_new();
	record_init(params.max_attempts);
	mailer.smtp = wb_smtp_new(loop, &smtp_params);
	mailer.claims =
	    wb_claims_new(loop, &ops,
	                  &(struct wb_claims_config){
	                      .max_calls = params.max_mails,
	                      .lease_ms = params.deadline_ms + LEASE_MARGIN_MS,
	                      .poll_ms = params.poll_ms,
	                      .upkeep_ms = PURGE_MS,
	                  },
	                  pg);
	return WB_OK;
}

static void
on_committed(void *unused)
{
	(void)unused;
	wb_claims_wake(mailer.claims);
}

static void
drain(wb_loop_fn done, void *arg)
{
	wb_claims_drain(mailer.claims, done, arg);
}

static void
stop(void)
{
	wb_smtp_free(mailer.smtp);
	wb_claims_free(mailer.claims);
	wb_pg_args_free(mailer.args);
	record_fini();
}

const struct wb_side_job *
notifications_mailer(void)
{
	static struct wb_param_set sets[2];
	static const struct wb_side_job job = {
		.params = sets,
		.n_params = WB_ARRAY_LEN(sets),
		.start = start,
		.on_committed = on_committed,
		.drain = drain,
		.stop = stop,
	};

	sets[0] = (struct wb_param_set){ wb_smtp_params_table,
		                         wb_smtp_params_count, &smtp_params };
	sets[1] = (struct wb_param_set){ param_table, WB_ARRAY_LEN(param_table),
		                         &params };
	return &job;
}
