/* Mails over SMTP: libcurl makes the connection (TLS, STARTTLS, login), and
 * from then on we talk. libcurl's own way to send a mail is no way for a loop:
 * it waits for the answer to the content, and for the one to QUIT, inside
 * curl_multi_socket_action. With CURLOPT_CONNECT_ONLY it does neither. */
#include "http/smtp.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/multi.h"

#include <event2/event.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAIL_MAGIC 0x484D4149u

/* What the server is to answer next: state, the first digit of the reply that
 * leads to the next one. */
#define STATE_TABLE(X)                                                         \
	X(CONNECTING, 0) /* libcurl's */                                       \
	X(MAIL, 2)                                                             \
	X(RCPT, 2)                                                             \
	X(DATA, 3)                                                             \
	X(CONTENT, 2)                                                          \
	X(ENDED, 0) /* the outcome is known, but not told yet */

enum state {
#define X(name, digit) STATE_##name,
	STATE_TABLE(X)
#undef X
};

static const int wanted[] = {
#define X(name, digit) digit,
	STATE_TABLE(X)
#undef X
};

/* REPLIES_BYTES: all that a server may say to one mail. */
enum { LINE_BYTES = 512, TEXT_BYTES = 256, REPLIES_BYTES = 65536 };

struct mail {
	unsigned magic;
	struct wb_smtp *smtp;
	struct wb_transfer transfer;
	enum state state;
	char *from, *to;
	struct wb_buf content; /* stuffed, with its last dot */
	struct wb_buf out;     /* to be sent, from n_sent on */
	size_t n_sent;
	char line[LINE_BYTES]; /* of the server, incomplete */
	size_t line_bytes, replies_bytes;
	struct event *ready;
	struct wb_timer deadline;
	enum wb_smtp_outcome outcome;
	char text[TEXT_BYTES];
	wb_smtp_answer_fn fn;
	void *arg;
};

struct wb_smtp {
	struct wb_loop *loop;
	const struct wb_smtp_params *params;
	struct wb_multi *multi;
};

const char *
wb_smtp_outcome_name(enum wb_smtp_outcome outcome)
{
	static const char *const names[] = {
#define X(name) #name,
		WB_SMTP_OUTCOME_TABLE(X)
#undef X
	};

	return names[outcome];
}

/* Replies that are about the connection or our login, whatever they answer. */
static bool
is_about_session(int reply)
{
	return reply == 421 || reply == 530 || reply == 534 || reply == 535 ||
	       reply == 538;
}

enum wb_smtp_outcome
wb_smtp_classify(bool has_content, int reply)
{
	if (has_content && reply / 100 == 2)
		return WB_SMTP_ACCEPTED;
	if (reply >= 400 && !is_about_session(reply))
		return reply < 500 ? WB_SMTP_DEFERRED : WB_SMTP_REFUSED;
	return has_content ? WB_SMTP_DEFERRED : WB_SMTP_UNREACHABLE;
}

static void
mail_free(struct mail *mail)
{
	wb_loop_undefer(mail->smtp->loop, mail);
	wb_timer_fini(&mail->deadline);
	if (mail->ready != NULL)
		event_free(mail->ready);
	wb_multi_remove(&mail->transfer); /* closes the connection */
	curl_easy_cleanup(mail->transfer.easy);
	wb_buf_fini(&mail->content);
	wb_buf_fini(&mail->out);
	free(mail->from);
	free(mail->to);
	mail->magic = 0;
	free(mail);
}

static void
on_ended(void *arg)
{
	struct wb_smtp_answer answer;
	struct mail *mail;

	WB_CAST(mail, arg, MAIL_MAGIC);
	answer.outcome = mail->outcome;
	answer.text = mail->text;
	mail->fn(&answer, mail->arg);
	mail_free(mail);
}

/* why: words of the server's among others, which may hold anything and end in
 * logs and tables. */
static void
end(struct mail *mail, int reply, const char *why)
{
	if (mail->state == STATE_ENDED)
		return;
	mail->outcome = wb_smtp_classify(mail->state == STATE_CONTENT, reply);
	(void)snprintf(mail->text, sizeof(mail->text), "%s", why);
	for (char *c = mail->text; *c != '\0'; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	mail->state = STATE_ENDED;
	wb_timer_stop(&mail->deadline);
	if (mail->ready != NULL)
		(void)event_del(mail->ready);
	wb_loop_defer(mail->smtp->loop, on_ended, mail);
}

static void
on_deadline(void *arg)
{
	struct mail *mail;

	WB_CAST(mail, arg, MAIL_MAGIC);
	end(mail, 0, "no answer in time");
}

static void
say(struct mail *mail, enum state next)
{
	struct wb_buf *out = &mail->out;

	wb_buf_clear(out);
	mail->n_sent = 0;
	mail->state = next;
	if (next == STATE_MAIL)
		wb_buf_printf(out, "MAIL FROM:<%s>\r\n", mail->from);
	else if (next == STATE_RCPT)
		wb_buf_printf(out, "RCPT TO:<%s>\r\n", mail->to);
	else if (next == STATE_DATA)
		wb_buf_adds(out, "DATA\r\n");
	else
		wb_buf_add(out, mail->content.data, mail->content.len);
}

static bool
is_all_said(const struct mail *mail)
{
	return mail->n_sent == mail->out.len;
}

/* Politeness: nobody waits for its answer. In the midst of the content it would
 * be content. */
static void
say_quit(struct mail *mail)
{
	size_t bytes;

	if (is_all_said(mail))
		(void)curl_easy_send(mail->transfer.easy, "QUIT\r\n", 6,
		                     &bytes);
}

/* The three digits that a line begins with; 0 if it does not. */
static int
read_reply(const char *line)
{
	int reply = 0;

	for (int i = 0; i < 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return 0;
		reply = reply * 10 + (line[i] - '0');
	}
	return reply;
}

/* A line without its end. All but the last of a reply have a dash. */
static void
hear(struct mail *mail, const char *line)
{
	int reply = read_reply(line);

	if (reply != 0 && line[3] == '-')
		return;
	if (reply / 100 == wanted[mail->state] &&
	    mail->state != STATE_CONTENT) {
		say(mail, mail->state + 1);
		return;
	}
	/* It can't have taken on what it has not heard to its end. */
	if (reply / 100 == 2 && !is_all_said(mail))
		reply = 0;
	say_quit(mail);
	end(mail, reply, line);
}

static void
hear_bytes(struct mail *mail, const char *data, size_t bytes)
{
	mail->replies_bytes += bytes;
	if (mail->replies_bytes > REPLIES_BYTES)
		end(mail, 0, "replies without an end");
	for (size_t i = 0; i < bytes && mail->state != STATE_ENDED; i++) {
		if (data[i] == '\n') {
			mail->line[mail->line_bytes] = '\0';
			mail->line_bytes = 0;
			hear(mail, mail->line);
		} else if (mail->line_bytes == LINE_BYTES - 1) {
			end(mail, 0, "a reply without an end");
		} else if (data[i] != '\r') {
			mail->line[mail->line_bytes++] = data[i];
		}
	}
}

static void
send_some(struct mail *mail)
{
	while (mail->state != STATE_ENDED && !is_all_said(mail)) {
		size_t bytes = 0;
		CURLcode code = curl_easy_send(
		    mail->transfer.easy, mail->out.data + mail->n_sent,
		    mail->out.len - mail->n_sent, &bytes);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK)
			end(mail, 0, "the connection broke");
		mail->n_sent += bytes;
	}
}

/* Until nothing is left: TLS may have more of it than the socket. */
static void
receive_all(struct mail *mail)
{
	char data[4096];

	while (mail->state != STATE_ENDED) {
		size_t bytes = 0;
		CURLcode code = curl_easy_recv(mail->transfer.easy, data,
		                               sizeof(data), &bytes);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK || bytes == 0)
			end(mail, 0, "the connection was closed");
		else
			hear_bytes(mail, data, bytes);
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg);

/* Waits for the server, and for room if there is something to be sent. */
static void
wait_for_peer(struct mail *mail)
{
	short what = EV_READ;
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (mail->state == STATE_ENDED)
		return;
	(void)curl_easy_getinfo(mail->transfer.easy, CURLINFO_ACTIVESOCKET,
	                        &fd);
	if (fd == CURL_SOCKET_BAD) {
		end(mail, 0, "the connection was closed");
		return;
	}
	if (!is_all_said(mail))
		what |= EV_WRITE;
	if (mail->ready != NULL)
		event_free(mail->ready);
	mail->ready = wb_made(event_new(wb_loop_base(mail->smtp->loop), fd,
	                                what, on_ready, mail));
	(void)event_add(mail->ready, NULL);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct mail *mail;

	(void)fd;
	(void)what;
	WB_CAST(mail, arg, MAIL_MAGIC);
	receive_all(mail);
	send_some(mail);
	wait_for_peer(mail);
}

/* The connection stands, or can't be made. */
static void
on_done(void *owner, CURLcode code)
{
	struct mail *mail;

	WB_CAST(mail, owner, MAIL_MAGIC);
	if (code != CURLE_OK) {
		end(mail, 0, wb_transfer_why(&mail->transfer, code));
		return;
	}
	say(mail, STATE_MAIL);
	send_some(mail);
	wait_for_peer(mail);
}

static void
on_drop(void *owner)
{
	struct mail *mail;

	WB_CAST(mail, owner, MAIL_MAGIC);
	mail_free(mail);
}

struct wb_smtp *
wb_smtp_new(struct wb_loop *loop, const struct wb_smtp_params *params)
{
	struct wb_smtp *smtp = wb_zalloc(sizeof(*smtp));

	smtp->loop = loop;
	smtp->params = params;
	smtp->multi = wb_multi_new(loop, on_done, on_drop);
	return smtp;
}

void
wb_smtp_free(struct wb_smtp *smtp)
{
	if (smtp == NULL)
		return;
	wb_multi_free(smtp->multi);
	free(smtp);
}

static void
set_options(CURL *easy, const struct wb_smtp_params *params)
{
	(void)curl_easy_setopt(easy, CURLOPT_URL, params->url);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	if (params->starttls)
		(void)curl_easy_setopt(easy, CURLOPT_USE_SSL,
		                       (long)CURLUSESSL_ALL);
	if (*params->tls_ca != '\0')
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, params->tls_ca);
	if (*params->login != '\0')
		(void)curl_easy_setopt(easy, CURLOPT_USERPWD, params->login);
}

/* A dot at the start of a line is doubled, and one alone ends it all. */
static void
add_stuffed(struct wb_buf *buf, const char *content, size_t bytes)
{
	bool is_start = true;

	for (size_t i = 0; i < bytes; i++) {
		if (is_start && content[i] == '.')
			wb_buf_adds(buf, ".");
		wb_buf_add(buf, content + i, 1);
		is_start = content[i] == '\n';
	}
	wb_buf_adds(buf, is_start ? ".\r\n" : "\r\n.\r\n");
}

void
wb_smtp_send(struct wb_smtp *smtp, const struct wb_smtp_mail *envelope,
             wb_smtp_answer_fn fn, void *arg)
{
	struct mail *mail = wb_zalloc(sizeof(*mail));

	/* They are written into commands as they are. */
	WB_ASSERT(wb_smtp_is_address(envelope->from));
	WB_ASSERT(wb_smtp_is_address(envelope->to));
	WB_ASSERT(envelope->deadline_ms > 0);
	mail->magic = MAIL_MAGIC;
	mail->smtp = smtp;
	mail->fn = fn;
	mail->arg = arg;
	mail->from = wb_strdup(envelope->from);
	mail->to = wb_strdup(envelope->to);
	add_stuffed(&mail->content, envelope->content, envelope->bytes);
	wb_timer_init(&mail->deadline, smtp->loop, on_deadline, mail);
	wb_timer_start_ms(&mail->deadline, envelope->deadline_ms);
	wb_transfer_init(&mail->transfer, mail);
	set_options(mail->transfer.easy, smtp->params);
	wb_multi_add(smtp->multi, &mail->transfer);
}
