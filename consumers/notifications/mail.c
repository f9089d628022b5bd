/* A whole mail. */
#include "mail.h"

#include "mime.h"

#include <time.h>

/* RFC 5322; no process of ours sets a locale, so the names are English. */
static void
add_date(struct wb_buf *buf, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm tm;
	char text[40];

	if (gmtime_r(&seconds, &tm) != NULL &&
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm) >
	        0)
		wb_buf_printf(buf, "Date: %s\r\n", text);
}

static void
add_body(struct wb_buf *buf, const struct mail *mail)
{
	struct wb_buf text = { 0 };

	wb_buf_printf(&text, "Dear %s,\n\n%s", mail->to_name, mail->content);
	mime_add_quoted_printable(buf, wb_buf_text(&text));
	wb_buf_fini(&text);
}

void
mail_format(const struct mail *mail, struct wb_buf *buf)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_buf_adds(buf, "From: ");
	mime_add_mailbox(buf, mail->from_name, mail->from);
	wb_buf_adds(buf, "\r\nTo: ");
	mime_add_mailbox(buf, mail->to_name, mail->to);
	wb_buf_adds(buf, "\r\nSubject: ");
	mime_add_text(buf, mail->subject);
	wb_buf_adds(buf, "\r\n");
	add_date(buf, mail->created_us);
	wb_buf_printf(buf,
	              "Message-ID: <%s@waybill>\r\n"
	              "Auto-Submitted: auto-generated\r\n"
	              "MIME-Version: 1.0\r\n"
	              "Content-Type: text/plain; charset=utf-8\r\n"
	              "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	              wb_uuid_format(&mail->event_id, id));
	add_body(buf, mail);
}
