/* The inside of a job, shared by its own files only.
 *
 *   job.c       its states, and what begins and ends it
 *   job_read.c  the dead-letter queue: selecting, and finding again
 *   job_send.c  the consumer's queue: how fast, how many, and when to stop
 *   job_mark.c  the journal: marks, verdicts, the end
 *   job_load.c  a job that exists */
#ifndef WB_CLI_DLQ_JOB_PRIV_H
#define WB_CLI_DLQ_JOB_PRIV_H

#include "db.h"
#include "items.h"
#include "job.h"
#include "progress.h"
#include "reader.h"
#include "sender.h"

#define WB_JOB_MAGIC 0xD1907B0Bu

/* Each state's invariant:
 * STARTING   the broker is awaited
 * SELECTING  a new job: the reader tells what lies there, a transaction is open
 * COMMITTING the selection is being committed; nothing has been sent
 * RUNNING    the selection is in the journal; letters are sent
 * FOLLOWING  all that is there was sent; verdicts are awaited
 * LEAVING    nothing more is sent; what is under way comes to its end
 * ENDED      */
#define WB_JOB_STATE_TABLE(X)                                                  \
	X(STARTING, TO(SELECTING) | TO(RUNNING) | TO(ENDED))                   \
	X(SELECTING, TO(COMMITTING) | TO(ENDED))                               \
	X(COMMITTING, TO(RUNNING) | TO(ENDED))                                 \
	X(RUNNING, TO(FOLLOWING) | TO(LEAVING) | TO(ENDED))                    \
	X(FOLLOWING, TO(LEAVING) | TO(ENDED))                                  \
	X(LEAVING, TO(ENDED))                                                  \
	X(ENDED, 0u)

enum wb_job_state {
#define X(name, to) WB_JOB_##name,
	WB_JOB_STATE_TABLE(X) WB_JOB_STATE_COUNT
#undef X
};

struct wb_places {
	uint32_t *list; /* into wb_items.list */
	size_t n, cap;
};

struct wb_job {
	unsigned magic;
	bool is_kicked;
	struct wb_cli *cli;
	struct wb_loop *loop;
	struct wb_job_row row;
	const struct wb_filter *filter; /* NULL: the selection exists */
	const char *edited;
	size_t edited_bytes;
	struct wb_uuid edited_id;
	int64_t verdict_ms;
	size_t memory_bytes;
	enum wb_job_state state;
	enum wb_err err; /* why it ended before its time, or WB_OK */
	struct wb_note note;

	/* how it will end */
	const char *end_status; /* of dlq_jobs; NULL: write nothing */
	struct wb_note end_note;

	struct wb_items items;
	size_t in_hand_bytes;
	struct wb_places held; /* in the order in which they are sent */
	size_t held_first;
	struct wb_places safe, marking, gone;
	size_t n_gone_marking; /* of gone, in the transaction in hand */
	size_t n_dropped;      /* OUT for want of memory */
	size_t n_started;      /* PUBLISHED and beyond, without GONE */
	size_t n_sent, n_handled, n_failed, n_gone;
	size_t n_sent_before, n_handled_before, n_failed_before;

	/* RabbitMQ */
	struct wb_amqp *amqp;
	struct wb_reader *reader;
	struct wb_sender *sender;
	bool has_read; /* the reader in hand has told all */
	bool is_sender_ready;
	struct wb_note lost_why;
	unsigned reopens; /* without a letter in between */
	struct wb_timer lost_timer, reopen_timer, missing_timer;
	int64_t missing_since_us;
	int64_t began_us; /* wall clock */
	int64_t acked_us; /* when the last letter was */
	size_t n_later;   /* letters that were dead-lettered after that */

	/* Postgres */
	struct wb_db *db;
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_journal_items *journal;
	struct wb_tx *selection;
	bool is_db_busy, has_lock;
	bool is_judging, is_ending;     /* what the transaction in hand does */
	size_t now_handled, now_failed; /* as it has counted them */
	struct wb_timer db_timer;
	int64_t db_failed_since_us, judge_at_us, judge_took_us, tx_began_us;

	/* the pace */
	struct wb_timer rate_timer, tick;
	int64_t next_send_us;
	bool is_canary; /* no more than the canary until its verdict */
	int64_t progress_us;
	int64_t first_send_us, last_mark_us;
	struct wb_timer leave_timer;

	struct wb_arena *arena; /* of the message that is being sent */
	struct wb_progress *progress;
};

/* ---- job.c ---- */

void wb_job_enter(struct wb_job *job, enum wb_job_state to);

/* Looks, at the end of this turn, what can be done next. */
void wb_job_kick(struct wb_job *job);

/* Ends the job in good order with that status and reason. */
void wb_job_leave(struct wb_job *job, const char *status, const char *fmt, ...)
    WB_PRINTF(3, 4);

/* Ends it at once; nothing more is written. */
void wb_job_fail(struct wb_job *job, enum wb_err err, const char *fmt, ...)
    WB_PRINTF(3, 4);

void wb_places_add(struct wb_places *places, size_t place);

/* Letters that were sent and have no verdict. */
size_t wb_job_pending(const struct wb_job *job);

/* ---- job_read.c ---- */

/* Opens the channels that are missing. The connection must be ready. */
void wb_job_open(struct wb_job *job);
void wb_job_read_again(struct wb_job *job);
void wb_job_close_channels(struct wb_job *job);

/* Takes the letter, whose mark is committed, out of the dead-letter queue. */
void wb_job_ack(struct wb_job *job, struct wb_item *item);

/* ---- job_send.c ---- */

void wb_job_on_sent(void *arg, size_t which, enum wb_sent how);
void wb_job_send_some(struct wb_job *job);
void wb_job_weigh(struct wb_job *job); /* after new verdicts */

/* ---- job_mark.c ---- */

/* Begins the next transaction if one is due and none is in hand. */
void wb_job_write(struct wb_job *job);

/* ---- job_load.c ---- */

/* Opens the consumer's database and, to be alone, takes the lock. */
enum wb_err wb_job_open_journal(struct wb_job *job, bool is_alone,
                                struct wb_note *note) WB_MUST_USE;

/* Row and items; ret_status as in the journal. The texts live in arena. */
enum wb_err wb_job_load(struct wb_job *job, struct wb_arena *arena,
                        const char **ret_status,
                        struct wb_note *note) WB_MUST_USE;

/* These need no broker. */
enum wb_err wb_job_cancel_loaded(struct wb_job *job, const char *status);
enum wb_err wb_job_look_loaded(struct wb_job *job, const char *status);

#endif
