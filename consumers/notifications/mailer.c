/* The mailer: claim → send → record, on one connection of its own. Answers that
 * arrive while a transaction runs are recorded together by the next one. */
#include "mailer.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "http/smtp.h"
#include "mail.h"
#include "record.h"
#include "service/service.h"

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
};
#undef FIELD

/* Longer than any mail takes: nobody else may take it over before. */
enum { LEASE_MARGIN_MS = 5000 };

/* A mail under way, or one of a claim that has not committed yet. */
struct parcel {
	struct parcel *next;
	struct wb_uuid event_id;
	int64_t nth; /* which try it is */
	char *to;
	struct wb_buf content;
	int64_t begun_us;
};

static struct {
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_smtp *smtp;
	struct wb_timer poll;
	struct wb_timer turn;
	struct record *record;
	struct wb_tx *tx; /* of the claim in flight */
	struct parcel *claimed;
	struct wb_backoff retry;
	int64_t n_asked;
	int64_t n_in_flight;
	bool is_claim_wanted;
	bool is_server_down; /* as the last answer has it */
	struct wb_counter *outcomes[WB_SMTP_OUTCOME_COUNT];
	struct wb_histogram *seconds;
	struct wb_gauge *server_up;
	wb_loop_fn drained;
	void *drained_arg;
} mailer;

static const struct wb_pg_stmt claim_stmt = {
	.name = "claim_mails",
	.sql = "SELECT * FROM claim_mails($1::int, $2::bigint)",
};

static void
parcel_free(struct parcel *parcel)
{
	free(parcel->to);
	wb_buf_fini(&parcel->content);
	free(parcel);
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
	record_add(mailer.record, &parcel->event_id, parcel->nth, answer,
	           wb_backoff_ms(&mailer.retry, (unsigned)parcel->nth - 1));
	parcel_free(parcel);
	wb_timer_start_ms(&mailer.turn, 0);
}

static void
on_answer(const struct wb_smtp_answer *answer, void *arg)
{
	struct parcel *parcel = arg;

	if (answer->outcome == WB_SMTP_ACCEPTED)
		WB_CRASH_POINT("mailer.after_accept");
	note_server(answer->outcome == WB_SMTP_UNREACHABLE, answer->text);
	wb_histogram_add_us(mailer.seconds, wb_mono_us() - parcel->begun_us);
	mailer.n_in_flight--;
	end(parcel, answer);
}

static void
begin(struct parcel *parcel)
{
	if (!wb_smtp_is_address(parcel->to)) {
		end(parcel, &(struct wb_smtp_answer){
		                .outcome = WB_SMTP_REFUSED,
		                .text = "the customer's e-mail is no address "
		                        "that can be mailed to",
		            });
		return;
	}
	mailer.n_in_flight++;
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
on_claimed(const struct wb_pg_result *result, void *arg)
{
	(void)arg;
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		struct parcel *parcel = wb_zalloc(sizeof(*parcel));

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
		parcel->next = mailer.claimed;
		mailer.claimed = parcel;
	}
}

/* Mails leave only once the claim is durable. If that is not known they don't:
 * what was claimed is due again when its lease has run out. */
static void
on_claim_done(const struct wb_tx_outcome *outcome, void *arg)
{
	bool is_committed = outcome->end == WB_TX_COMMITTED;
	int64_t n = 0;

	(void)arg;
	mailer.tx = NULL;
	while (mailer.claimed != NULL) {
		struct parcel *parcel = mailer.claimed;

		mailer.claimed = parcel->next;
		n++;
		if (is_committed)
			begin(parcel);
		else
			parcel_free(parcel);
	}
	if (is_committed && n == mailer.n_asked)
		mailer.is_claim_wanted = true;
	wb_timer_start_ms(&mailer.turn, 0);
}

static void
claim(int64_t n)
{
	mailer.is_claim_wanted = false;
	mailer.n_asked = n;
	wb_pg_args_clear(mailer.args);
	wb_pg_arg_i32(mailer.args, (int32_t)n);
	wb_pg_arg_i64(mailer.args, params.deadline_ms + LEASE_MARGIN_MS);
	mailer.tx = wb_tx_begin(mailer.pg, on_claim_done, NULL);
	wb_tx_query(mailer.tx, &claim_stmt, mailer.args, on_claimed, NULL);
	wb_tx_commit(mailer.tx);
}

static void
on_recorded(void *arg)
{
	(void)arg;
	wb_timer_start_ms(&mailer.turn, 0);
}

static bool
is_drained(void)
{
	return mailer.drained != NULL && mailer.tx == NULL &&
	       mailer.n_in_flight == 0 && record_is_empty(mailer.record);
}

/* The one place that begins work: answers first, then new mails. */
static void
on_turn(void *arg)
{
	int64_t room = params.max_mails - mailer.n_in_flight;

	(void)arg;
	if (is_drained()) {
		mailer.drained(mailer.drained_arg);
		return;
	}
	if (!wb_pg_is_idle(mailer.pg))
		return;
	if (!record_is_empty(mailer.record))
		record_run(mailer.record, mailer.pg, on_recorded, NULL);
	else if (mailer.is_claim_wanted && mailer.drained == NULL && room > 0)
		claim(room);
}

static void
on_poll(void *arg)
{
	(void)arg;
	wb_timer_start_ms(&mailer.poll, params.poll_ms);
	mailer.is_claim_wanted = true;
	on_turn(NULL);
}

static void
on_committed(void *unused)
{
	(void)unused;
	mailer.is_claim_wanted = true;
	wb_timer_start_ms(&mailer.turn, 0);
}

static void
on_ready(void *arg)
{
	on_committed(arg);
}

static void
on_lost(void *arg, const char *why)
{
	(void)arg;
	(void)why; /* lib/pg logs it; on_ready goes on */
}

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
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};
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
	mailer.record = record_new(params.max_attempts);
	mailer.smtp = wb_smtp_new(loop, &smtp_params);
	wb_timer_init(&mailer.poll, loop, on_poll, NULL);
	wb_timer_init(&mailer.turn, loop, on_turn, NULL);
	mailer.pg = wb_pg_new(loop, pg, wb_service_instance(), &events, NULL);
	wb_timer_start_ms(&mailer.poll, params.poll_ms);
	return WB_OK;
}

static void
drain(wb_loop_fn done, void *arg)
{
	mailer.drained = done;
	mailer.drained_arg = arg;
	wb_timer_start_ms(&mailer.turn, 0);
}

/* What is under way is due again when its lease has run out. */
static void
stop(void)
{
	wb_smtp_free(mailer.smtp);
	wb_pg_free(mailer.pg);
	wb_timer_fini(&mailer.poll);
	wb_timer_fini(&mailer.turn);
	record_free(mailer.record);
	wb_pg_args_free(mailer.args);
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
