/* The journal of `waybill dlq` (schema/messaging/004_dead_letters.sql):
 * statements that are added to a transaction of the caller's. */
#ifndef WB_CLI_DLQ_JOURNAL_H
#define WB_CLI_DLQ_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "items.h"
#include "letter.h"
#include "pg/pg.h"

enum wb_job_kind { WB_JOB_REPLAY, WB_JOB_EDIT, WB_JOB_DISCARD };

/* "replay" */
const char *wb_job_kind_text(enum wb_job_kind kind);

#define WB_JOB_NAME_BYTES 80

/* A row of dlq_jobs. */
struct wb_job_row {
	char name[WB_JOB_NAME_BYTES];
	enum wb_job_kind kind;
	const char *consumer;
	const char *who, *why, *filter; /* "" for none */
	int64_t canary;                 /* 0: none */
	int64_t rate;                   /* messages per second; 0: no limit */
	int64_t stop_above;             /* per cent; -1: never */
};

/* One job at a time per database: its process holds this advisory lock of the
 * session. Takes it, or has it; the result is one boolean. */
extern const struct wb_pg_stmt wb_journal_lock;

/* A new name: "inventory-20261128T210455-4f2a9c". */
void wb_journal_name(char name[WB_JOB_NAME_BYTES], const char *consumer);

void wb_journal_begin(struct wb_tx *tx, struct wb_pg_args *args,
                      const struct wb_job_row *job);

/* Items are collected, then inserted by one statement; ord counts on from the
 * last flush. original: keep the whole message. */
struct wb_journal_items;
void wb_journal_items_free(struct wb_journal_items *items);
struct wb_journal_items *wb_journal_items_new(void)
    WB_OWNED_BY(wb_journal_items_free);
void wb_journal_items_add(struct wb_journal_items *items,
                          const struct wb_letter *letter,
                          const struct wb_uuid *event_id, bool has_original,
                          const char *edited, size_t edited_bytes);
size_t wb_journal_items_count(const struct wb_journal_items *items);
void wb_journal_items_write(struct wb_journal_items *items, const char *job,
                            struct wb_tx *tx);

/* Items by their ord. is_discard: that is the end of them. */
void wb_journal_mark_sent(struct wb_tx *tx, struct wb_pg_args *args,
                          const char *job, bool is_discard,
                          const uint32_t *ords, size_t n);
void wb_journal_mark_gone(struct wb_tx *tx, struct wb_pg_args *args,
                          const char *job, const uint32_t *ords, size_t n);

/* Looks in the inbox and among the dead letters of the outbox what became of
 * those that were sent. on_counts gets one row: how many of the job's items are
 * marked as sent, handled and failed, whoever has found it out. */
enum { WB_JOURNAL_SENT, WB_JOURNAL_HANDLED, WB_JOURNAL_FAILED };
void wb_journal_judge(struct wb_tx *tx, struct wb_pg_args *args,
                      const char *job, const char *consumer,
                      wb_tx_result_fn on_counts, void *arg);

/* status: 'running', 'paused', 'done', 'cancelled'. The last also ends the
 * items that were not sent. */
void wb_journal_status(struct wb_tx *tx, struct wb_pg_args *args,
                       const struct wb_job_row *job, const char *status,
                       const char *note);

/* Text that a text column takes, in the buffer (which is cleared before). */
const char *wb_journal_text(struct wb_buf *scratch, const char *text);

#endif
