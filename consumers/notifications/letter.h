/* The letters: how an order ended, in words, from the event that ended it. They
 * begin behind the salutation; lines end with a line feed. */
#ifndef WB_NOTIFICATIONS_LETTER_H
#define WB_NOTIFICATIONS_LETTER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/envelope.h"

/* Appends the letter. SCHEMA_VIOLATION with a note when data lacks something;
 * then buf holds part of a letter. */
typedef enum wb_err (*letter_fn)(const struct wb_event *event,
                                 struct wb_buf *buf, struct wb_note *note);

/* The lines of the order, its total, carrier and tracking number. */
enum wb_err letter_confirmed(const struct wb_event *event, struct wb_buf *buf,
                             struct wb_note *note) WB_MUST_USE;

/* The reason. */
enum wb_err letter_rejected(const struct wb_event *event, struct wb_buf *buf,
                            struct wb_note *note) WB_MUST_USE;

/* The reason, and what became of the money. */
enum wb_err letter_cancelled(const struct wb_event *event, struct wb_buf *buf,
                             struct wb_note *note) WB_MUST_USE;

/* "EUR 12.34": with as many decimals as ISO 4217 gives the currency, 2 for one
 * that is not known. amount_minor >= 0. */
void letter_add_money(struct wb_buf *buf, int64_t amount_minor,
                      const char *currency);

#endif
