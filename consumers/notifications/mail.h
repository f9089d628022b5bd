/* A whole mail, as it goes to the mail server. */
#ifndef WB_NOTIFICATIONS_MAIL_H
#define WB_NOTIFICATIONS_MAIL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/uuid.h"

struct mail {
	struct wb_uuid event_id; /* Message-ID: <event_id@waybill> */
	const char *from_name;   /* "" for none */
	const char *from;        /* an address: wb_smtp_is_address */
	const char *to_name;
	const char *to; /* an address */
	const char *subject;
	const char *content; /* UTF-8, lines ended by line feeds */
	int64_t created_us;  /* wall clock */
};

/* Appends header and body. The same mail gives the same bytes. */
void mail_format(const struct mail *mail, struct wb_buf *buf);

#endif
