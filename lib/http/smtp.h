/* Handing mails to an SMTP server, asynchronously, with a deadline and a
 * connection each.
 *
 * SMTP knows no idempotency: when the answer to a mail is lost nobody can tell
 * whether the server has taken it on. Whoever must not lose a mail sends it
 * again, with the same Message-ID. */
#ifndef WB_HTTP_SMTP_H
#define WB_HTTP_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/params.h"
#include "loop/loop.h"

/* Filled from wb_smtp_params_table; outlives the clients that are made with
 * it. */
struct wb_smtp_params {
	char *url;     /* smtp://host:25, or smtps:// for TLS from the start */
	char *login;   /* "user:password", "" = none */
	bool starttls; /* with smtp://: no mail without it */
	char *tls_ca;  /* file, "" = the system's authorities */
};

extern const struct wb_param wb_smtp_params_table[];
extern const size_t wb_smtp_params_count;

/* BAD_CONFIG with a note: another scheme, or a login without TLS. */
enum wb_err wb_smtp_params_check(const struct wb_smtp_params *params,
                                 struct wb_note *note) WB_MUST_USE;

/* What became of a mail:
 * ACCEPTED    the server has taken it on
 * DEFERRED    it refused this mail for now (4xx), or the answer to the whole
 *             mail was lost: it may have been taken on
 * REFUSED     it refused this mail for good (5xx)
 * UNREACHABLE it heard nothing of this mail: no connection, no greeting, no
 *             login, no answer in time */
#define WB_SMTP_OUTCOME_TABLE(X)                                               \
	X(ACCEPTED) X(DEFERRED) X(REFUSED) X(UNREACHABLE)

enum wb_smtp_outcome {
#define X(name) WB_SMTP_##name,
	WB_SMTP_OUTCOME_TABLE(X) WB_SMTP_OUTCOME_COUNT
#undef X
};

/* "ACCEPTED" */
const char *wb_smtp_outcome_name(enum wb_smtp_outcome outcome);

/* What the end of a mail means. has_content: the content was sent, or part of
 * it. reply: the one that ended it; 0 = none came. */
enum wb_smtp_outcome wb_smtp_classify(bool has_content, int reply);

/* An address that is safe in a command and in a header: local@domain in ASCII
 * without spaces, controls, quotes or brackets, within RFC 5321's lengths.
 * (Quoted local parts and SMTPUTF8 are left out.) */
bool wb_smtp_is_address(const char *text);

struct wb_smtp_mail {
	const char *from, *to; /* of the envelope; asserted: are addresses */
	/* Header and body, lines ended by CRLF; dots are stuffed on the way. */
	const char *content;
	size_t bytes;
	int64_t deadline_ms; /* from the connect to the last answer */
};

struct wb_smtp_answer {
	enum wb_smtp_outcome outcome;
	const char *text; /* the server's last line, or why there is none;
	                     printable; valid during the call */
};

typedef void (*wb_smtp_answer_fn)(const struct wb_smtp_answer *answer,
                                  void *arg);

struct wb_smtp;

/* Hangs up; no callbacks. */
void wb_smtp_free(struct wb_smtp *smtp);
struct wb_smtp *wb_smtp_new(struct wb_loop *loop,
                            const struct wb_smtp_params *params)
    WB_OWNED_BY(wb_smtp_free);

/* Everything in mail is copied. fn is called exactly once, from the loop. */
void wb_smtp_send(struct wb_smtp *smtp, const struct wb_smtp_mail *mail,
                  wb_smtp_answer_fn fn, void *arg);

#endif
