/* lib/http's SMTP client against a server in a child process that answers as it
 * is told, and may fall silent at any point. (That real mails arrive is tested
 * with a real server, in notifications/.) */
#include "http/smtp.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is answered to each command; NULL: nothing, for ever; "": hang up. */
struct script {
	const char *greeting, *ehlo, *mail, *rcpt, *data, *content, *quit;
};

#define POLITE                                                                 \
	.greeting = "220 hello\r\n", .ehlo = "250-peer\r\n250 8BITMIME\r\n",   \
	.mail = "250 go on\r\n", .rcpt = "250 go on\r\n",                      \
	.data = "354 send it\r\n", .content = "250 taken on\r\n",              \
	.quit = "221 bye\r\n"

static struct wb_loop *loop;
static struct wb_smtp *smtp;
static struct wb_smtp_params params;
static char url[64];
static pid_t pid;

static struct {
	enum wb_smtp_outcome outcome;
	char text[300];
	unsigned count;
} got;

/* ---- the server */

static WB_NORETURN void
say_nothing_more(void)
{
	for (;;)
		(void)pause();
}

static void
say(FILE *peer, const char *line)
{
	if (line == NULL)
		say_nothing_more();
	if (*line == '\0')
		_exit(0);
	(void)fputs(line, peer);
	(void)fflush(peer);
}

static void
serve(FILE *peer, const struct script *script)
{
	char line[1024];
	const struct {
		const char *command, *answer;
	} table[] = {
		{ "EHLO", script->ehlo },     { "MAIL", script->mail },
		{ "RCPT", script->rcpt },     { "DATA", script->data },
		{ ".\r\n", script->content }, { "QUIT", script->quit },
	};

	say(peer, script->greeting);
	while (fgets(line, sizeof(line), peer) != NULL) {
		for (size_t i = 0; i < WB_ARRAY_LEN(table); i++) {
			if (strncmp(line, table[i].command,
			            strlen(table[i].command)) == 0)
				say(peer, table[i].answer);
		}
	}
}

static void
start(const struct script *script)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t bytes = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, bytes), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &bytes),
	                 0);
	(void)snprintf(url, sizeof(url), "smtp://127.0.0.1:%u",
	               (unsigned)ntohs(at.sin_port));
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		FILE *peer = fdopen(accept(listener, NULL, NULL), "r+");

		(void)alarm(60);
		if (peer != NULL)
			serve(peer, script);
		_exit(0);
	}
	(void)close(listener);
	params.url = url;
	loop = wb_loop_new();
	smtp = wb_smtp_new(loop, &params);
	memset(&got, 0, sizeof(got));
}

static void
stop(void)
{
	wb_smtp_free(smtp);
	wb_loop_free(loop);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- the client */

static void
on_answer(const struct wb_smtp_answer *answer, void *arg)
{
	(void)arg;
	got.outcome = answer->outcome;
	(void)snprintf(got.text, sizeof(got.text), "%s", answer->text);
	got.count++;
	wb_loop_stop(loop);
}

static void
hand_over(int64_t deadline_ms)
{
	char content[] = "Subject: x\r\n\r\nhello\r\n";

	wb_smtp_send(smtp,
	             &(struct wb_smtp_mail){
	                 .from = "a@example.org",
	                 .to = "b@example.org",
	                 .content = content,
	                 .bytes = strlen(content),
	                 .deadline_ms = deadline_ms,
	             },
	             on_answer, NULL);
	/* It was copied. */
	memset(content, 'x', sizeof(content));
}

/* A server that keeps the loop waiting would keep it for minutes. */
static void
expect(const struct script *script, enum wb_smtp_outcome outcome,
       const char *text)
{
	int64_t begun_us;

	start(script);
	begun_us = wb_mono_us();
	hand_over(1000);
	wb_loop_run(loop);
	stop();
	assert_int_equal(got.count, 1);
	assert_int_equal(got.outcome, outcome);
	assert_non_null(strstr(got.text, text));
	assert_true(wb_mono_us() - begun_us < 5000000);
}

static void
a_mail_is_taken_on(void **state)
{
	(void)state;
	expect(&(struct script){ POLITE }, WB_SMTP_ACCEPTED, "250 taken on");
}

static void
nobody_waits_for_the_answer_to_quit(void **state)
{
	struct script silent = { POLITE };

	(void)state;
	silent.quit = NULL;
	expect(&silent, WB_SMTP_ACCEPTED, "250 taken on");
	silent.rcpt = "550 nobody here\r\n";
	expect(&silent, WB_SMTP_REFUSED, "550 nobody here");
	silent.rcpt = "354 what?\r\n";
	expect(&silent, WB_SMTP_UNREACHABLE, "354 what?");
	silent.greeting = "554 go away\r\n";
	expect(&silent, WB_SMTP_UNREACHABLE, "");
}

static void
refusals(void **state)
{
	struct script script = { POLITE };

	(void)state;
	script.content = "554-this is\r\n554 spam\x1b[1m\xff\r\n";
	expect(&script, WB_SMTP_REFUSED, "554 spam?[1m?");
	script.content = "452 full\r\n";
	expect(&script, WB_SMTP_DEFERRED, "452 full");
	script.mail = "451 later\r\n";
	expect(&script, WB_SMTP_DEFERRED, "451 later");
	script.mail = "421 closing\r\n";
	expect(&script, WB_SMTP_UNREACHABLE, "421 closing");
}

static void
servers_that_talk_nonsense(void **state)
{
	struct script script = { POLITE };
	char *endless = malloc(70001);

	(void)state;
	assert_non_null(endless);
	/* "Taken on" before there was anything. */
	script.data = "354 send it\r\n250 taken on\r\n";
	expect(&script, WB_SMTP_DEFERRED, "250 taken on");
	script.data = "what?\r\n";
	expect(&script, WB_SMTP_UNREACHABLE, "what?");
	for (int i = 0; i < 70000; i++)
		endless[i] = "250-\n"[i % 5];
	endless[70000] = '\0';
	script.mail = endless;
	expect(&script, WB_SMTP_UNREACHABLE, "without an end");
	memset(endless, 'x', 70000);
	expect(&script, WB_SMTP_UNREACHABLE, "without an end");
	free(endless);
}

static void
silence_ends_at_the_deadline(void **state)
{
	struct script script = { POLITE };

	(void)state;
	script.content = NULL;
	expect(&script, WB_SMTP_DEFERRED, "");
	script.rcpt = NULL;
	expect(&script, WB_SMTP_UNREACHABLE, "");
	script.greeting = NULL;
	expect(&script, WB_SMTP_UNREACHABLE, "");
}

static void
lost_connections(void **state)
{
	struct script script = { POLITE };

	(void)state;
	script.content = "";
	expect(&script, WB_SMTP_DEFERRED, "");
	script.mail = "";
	expect(&script, WB_SMTP_UNREACHABLE, "");
	script.greeting = "";
	expect(&script, WB_SMTP_UNREACHABLE, "");
}

static void
nobody_listens(void **state)
{
	(void)state;
	start(&(struct script){ POLITE });
	(void)snprintf(url, sizeof(url), "smtp://127.0.0.1:1");
	hand_over(1000);
	wb_loop_run(loop);
	assert_int_equal(got.outcome, WB_SMTP_UNREACHABLE);
	assert_true(got.text[0] != '\0');
	stop();
}

static void
on_timer(void *arg)
{
	(void)arg;
	wb_loop_stop(loop);
}

/* Also with a server that says no more. */
static void
freed_with_a_mail_under_way(void **state)
{
	struct script script = { POLITE };
	struct wb_timer timer;
	int64_t begun_us;

	(void)state;
	script.content = NULL;
	script.quit = NULL;
	start(&script);
	hand_over(30000);
	wb_timer_init(&timer, loop, on_timer, NULL);
	wb_timer_start_ms(&timer, 200);
	wb_loop_run(loop);
	wb_timer_fini(&timer);
	begun_us = wb_mono_us();
	stop();
	/* Not at the mail's deadline. */
	assert_true(wb_mono_us() - begun_us < 15000000);
	assert_int_equal(got.count, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_is_taken_on),
		cmocka_unit_test(nobody_waits_for_the_answer_to_quit),
		cmocka_unit_test(refusals),
		cmocka_unit_test(servers_that_talk_nonsense),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(lost_connections),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(freed_with_a_mail_under_way),
	};

	params.login = params.tls_ca = strdup("");
	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
