/* The mailer: claims the mails that the handlers wished for, hands them to the
 * mail server, and records what came of it. It holds no lock and no transaction
 * while a mail is under way; at most max-mails are (bulkhead).
 *
 * There is never more than one row per order and kind, but the mail itself is
 * sent at least once: SMTP has no idempotency, so a mail whose acceptance was
 * not recorded (a crash, a lost answer) is sent again, byte by byte the same.
 * Its Message-ID is that of the event, so a receiver may fold the copies.
 *
 * A mail server that can't be reached costs no mail an attempt and does not
 * make the process unready: the engine goes on recording wishes. The gauge
 * wb_mail_server_up and the log tell. */
#ifndef WB_NOTIFICATIONS_MAILER_H
#define WB_NOTIFICATIONS_MAILER_H

#include "service/participant.h"

/* Parameters: smtp and its own. Lives for ever. */
const struct wb_side_job *notifications_mailer(void);

#endif
