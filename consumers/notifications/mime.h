/* Text for the header and the body of a mail (RFC 5322, 2045, 2047): pure
 * ASCII, lines ended by CRLF, and nothing in a text can end a header line or
 * begin another. Texts are UTF-8. */
#ifndef WB_NOTIFICATIONS_MIME_H
#define WB_NOTIFICATIONS_MIME_H

#include "base/buf.h"

/* The value of an unstructured header (Subject): as it is if that is short,
 * printable ASCII, else as encoded words on folded lines. Control characters
 * become spaces. */
void mime_add_text(struct wb_buf *buf, const char *text);

/* "Name" <address>. The name: a quoted string or encoded words, as above; ""
 * for none. address: see wb_smtp_is_address. */
void mime_add_mailbox(struct wb_buf *buf, const char *name,
                      const char *address);

/* A body with line feeds as quoted-printable: no line above 76 characters. */
void mime_add_quoted_printable(struct wb_buf *buf, const char *text);

#endif
