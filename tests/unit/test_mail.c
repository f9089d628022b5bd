/* What a mail is made of: headers, quoted-printable, letters, addresses. */
#include "capture.h"

#include "http/smtp.h"
#include "letter.h"
#include "mail.h"
#include "mime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wb_buf buf;

static int
clear(void **state)
{
	(void)state;
	wb_buf_fini(&buf);
	return 0;
}

/* No line above limit characters, no CR or LF but in pairs, pure ASCII. */
static void
assert_lines(size_t limit)
{
	size_t n = 0;

	for (const char *c = wb_buf_text(&buf); *c != '\0'; c++) {
		assert_true(*c >= 0x20 || *c == '\r' || *c == '\n' ||
		            *c == '\t');
		if (c[0] == '\r') {
			assert_int_equal(c[1], '\n');
			n = 0;
			c++;
			continue;
		}
		assert_true(*c != '\n' && *c < 0x7f);
		assert_true(++n <= limit);
	}
}

static void
short_ascii_stays_as_it_is(void **state)
{
	(void)state;
	mime_add_text(&buf, "Your order is confirmed?");
	assert_string_equal(buf.data, "Your order is confirmed?");
}

static void
other_texts_become_encoded_words(void **state)
{
	static const struct {
		const char *text, *encoded;
	} cases[] = {
		{ "Zo\xc3\xab", "=?UTF-8?Q?Zo=C3=AB?=" },
		{ "a b_c=?d", "=?UTF-8?Q?a_b=5Fc=3D=3Fd?=" },
		{ "a\r\nBcc: x@y", "=?UTF-8?Q?a__Bcc=3A_x=40y?=" },
		{ "\x7f", "=?UTF-8?Q?_?=" },
		{ "\xff!", "=?UTF-8?Q?=FF=21?=" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		wb_buf_clear(&buf);
		mime_add_text(&buf, cases[i].text);
		assert_string_equal(buf.data, cases[i].encoded);
	}
}

/* U+1F381, 12 characters when it is encoded. */
static void
words_are_folded_between_characters(void **state)
{
#define GIFT "\xf0\x9f\x8e\x81"
	(void)state;
	wb_buf_adds(&buf, "Subject: ");
	mime_add_text(&buf, GIFT GIFT GIFT GIFT GIFT GIFT GIFT GIFT GIFT);
#undef GIFT
	assert_lines(76);
	assert_contains(buf.data, "=F0=9F=8E=81?=\r\n =?UTF-8?Q?=F0");
	assert_lacks(buf.data, "=9F?=");
}

static void
mailboxes(void **state)
{
	(void)state;
	mime_add_mailbox(&buf, "", "a@b.example");
	assert_string_equal(buf.data, "<a@b.example>");
	wb_buf_clear(&buf);
	mime_add_mailbox(&buf, "O'Neill, \"Ed\" \\o/", "a@b.example");
	assert_string_equal(buf.data,
	                    "\"O'Neill, \\\"Ed\\\" \\\\o/\"\r\n <a@b.example>");
	wb_buf_clear(&buf);
	mime_add_mailbox(&buf, "Eve\nTo: x <x@y>", "a@b.example");
	assert_string_equal(
	    buf.data, "=?UTF-8?Q?Eve_To=3A_x_=3Cx=40y=3E?=\r\n <a@b.example>");
}

static void
bodies_are_quoted_printable(void **state)
{
	static const struct {
		const char *text, *encoded;
	} cases[] = {
		{ "", "" },
		{ "a=b\n", "a=3Db\r\n" },
		{ "blank \nend\t", "blank=20\r\nend=09" },
		{ "\xc3\xab\r\n", "=C3=AB=0D\r\n" },
		{ ".\n", ".\r\n" },
		{ "a\x01", "a=01" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		wb_buf_clear(&buf);
		mime_add_quoted_printable(&buf, cases[i].text);
		assert_string_equal(wb_buf_text(&buf), cases[i].encoded);
	}
}

static void
long_lines_are_broken_softly(void **state)
{
	char text[301];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memset(text + 100, '\xff', 100);
	text[sizeof(text) - 1] = '\0';
	mime_add_quoted_printable(&buf, text);
	assert_lines(76);
	assert_contains(buf.data, "xxx=\r\nxxx");
	assert_contains(buf.data, "=FF=\r\n=FF");
}

static void
a_whole_mail(void **state)
{
	struct mail mail = {
		.from_name = "Waybill",
		.from = "orders@waybill.example",
		.to_name = "Zo\xc3\xab",
		.to = "zoe@example.org",
		.subject = "Your order",
		.content = "it is here.\n",
		.created_us = INT64_C(1795190400123456),
	};

	(void)state;
	assert_true(wb_uuid_parse("0198f2b1-0023-700e-8a0e-a1e7d5510114",
	                          &mail.event_id));
	mail_format(&mail, &buf);
	assert_string_equal(
	    buf.data,
	    "From: \"Waybill\"\r\n <orders@waybill.example>\r\n"
	    "To: =?UTF-8?Q?Zo=C3=AB?=\r\n <zoe@example.org>\r\n"
	    "Subject: Your order\r\n"
	    "Date: Fri, 20 Nov 2026 16:00:00 +0000\r\n"
	    "Message-ID: <0198f2b1-0023-700e-8a0e-a1e7d5510114@waybill>\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "Dear Zo=C3=AB,\r\n\r\nit is here.\r\n");
}

static void
money_has_the_decimals_of_its_currency(void **state)
{
	static const struct {
		int64_t minor;
		const char *currency, *text;
	} cases[] = {
		{ 0, "EUR", "EUR 0.00" },
		{ 5, "EUR", "EUR 0.05" },
		{ 147400, "EUR", "EUR 1474.00" },
		{ 1500, "JPY", "JPY 1500" },
		{ 1500, "KWD", "KWD 1.500" },
		{ INT64_MAX, "XXX", "XXX 92233720368547758.07" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		wb_buf_clear(&buf);
		letter_add_money(&buf, cases[i].minor, cases[i].currency);
		assert_string_equal(buf.data, cases[i].text);
	}
}

static void
read_event(const char *data, struct wb_event *event)
{
	struct wb_buf body = { 0 };
	struct wb_note note = { "" };

	wb_buf_printf(&body,
	              "{\"specversion\":\"1.0\","
	              "\"id\":\"0198f2b1-0023-700e-8a0e-a1e7d5510114\","
	              "\"source\":\"/orders\",\"type\":\"order.rejected.v1\","
	              "\"subject\":\"ORDER\","
	              "\"time\":\"2026-11-20T16:00:00Z\","
	              "\"datacontenttype\":\"application/json\","
	              "\"sequence\":\"00000000000000000001\",\"data\":%s}",
	              data);
	assert_int_equal(wb_event_parse(body.data, body.len, &note, event),
	                 WB_OK);
	wb_buf_fini(&body);
}

/* Whatever is missing is named. */
static void
letters_need_their_data(void **state)
{
	static const struct {
		letter_fn write;
		const char *data, *missing;
	} cases[] = {
		{ letter_rejected, "{}", "/cause/code" },
		{ letter_rejected, "{\"cause\":{\"code\":\"TIMEOUT\"}}",
		  "/cause/detail" },
		{ letter_cancelled, "{\"cause\":7}", "/cause/code" },
		{ letter_confirmed, "{}", "/order/currency" },
		{ letter_confirmed,
		  "{\"order\":{\"currency\":\"EUR\",\"total_minor\":-1}}",
		  "/order/total_minor" },
		{ letter_confirmed,
		  "{\"order\":{\"currency\":\"EUR\",\"total_minor\":1,"
		  "\"lines\":[{\"name\":\"x\"}]}}",
		  "/0/quantity" },
		{ letter_confirmed,
		  "{\"order\":{\"currency\":\"EUR\",\"total_minor\":1,"
		  "\"lines\":[]},\"shipment\":{\"carrier\":\"x\"}}",
		  "/shipment/tracking_number" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_note note = { "" };
		struct wb_event event;

		read_event(cases[i].data, &event);
		assert_int_equal(cases[i].write(&event, &buf, &note),
		                 WB_ERR_SCHEMA_VIOLATION);
		assert_contains(note.text, cases[i].missing);
		wb_event_fini(&event);
	}
}

static void
addresses(void **state)
{
	static const char *const good[] = { "a@b",
		                            "o'neill+tag@mail.example.org",
		                            "x@192.0.2.1" };
	static const char *const bad[] = { "",        "a",
		                           "@",       "a@",
		                           "@b",      "a@b@c",
		                           "a b@c",   "a@b c",
		                           "a@b\r\n", "a\n@b",
		                           "<a@b>",   "a@b>",
		                           "\"a\"@b", "a@[192.0.2.1]",
		                           "a,b@c",   "zo\xc3\xab@example.org",
		                           "a@b\x01" };
	char text[300];

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(good); i++)
		assert_true(wb_smtp_is_address(good[i]));
	for (size_t i = 0; i < WB_ARRAY_LEN(bad); i++)
		assert_false(wb_smtp_is_address(bad[i]));
	(void)snprintf(text, sizeof(text), "%064d@b", 0);
	assert_true(wb_smtp_is_address(text));
	(void)snprintf(text, sizeof(text), "%065d@b", 0);
	assert_false(wb_smtp_is_address(text));
	(void)snprintf(text, sizeof(text), "a@%0252d", 0);
	assert_true(wb_smtp_is_address(text));
	(void)snprintf(text, sizeof(text), "a@%0253d", 0);
	assert_false(wb_smtp_is_address(text));
}

static void
answers_are_classified(void **state)
{
	static const struct {
		bool has_content;
		int reply;
		enum wb_smtp_outcome outcome;
	} cases[] = {
		{ true, 250, WB_SMTP_ACCEPTED },
		{ false, 450, WB_SMTP_DEFERRED },
		{ false, 550, WB_SMTP_REFUSED },
		{ true, 452, WB_SMTP_DEFERRED },
		{ true, 554, WB_SMTP_REFUSED },
		/* It may have been taken on. */
		{ true, 0, WB_SMTP_DEFERRED },
		{ true, 354, WB_SMTP_DEFERRED },
		{ true, 421, WB_SMTP_DEFERRED },
		/* About us, not about this mail. */
		{ false, 421, WB_SMTP_UNREACHABLE },
		{ false, 530, WB_SMTP_UNREACHABLE },
		{ false, 250, WB_SMTP_UNREACHABLE },
		{ false, 0, WB_SMTP_UNREACHABLE },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_int_equal(
		    wb_smtp_classify(cases[i].has_content, cases[i].reply),
		    cases[i].outcome);
}

static void
logins_need_tls(void **state)
{
	static const struct {
		const char *url, *login;
		bool starttls, is_good;
	} cases[] = {
		{ "smtp://127.0.0.1:25", "", false, true },
		{ "smtps://mail.example", "u:p", false, true },
		{ "smtp://mail.example", "u:p", true, true },
		{ "smtp://mail.example", "u:p", false, false },
		{ "smtps://u:p@mail.example", "", false, false },
		{ "http://mail.example", "", false, false },
		{ "", "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_note note = { "" };
		struct wb_smtp_params params = {
			.url = strdup(cases[i].url),
			.login = strdup(cases[i].login),
			.starttls = cases[i].starttls,
		};
		enum wb_err err = wb_smtp_params_check(&params, &note);

		assert_int_equal(err,
		                 cases[i].is_good ? WB_OK : WB_ERR_BAD_CONFIG);
		assert_true(cases[i].is_good == (note.text[0] == '\0'));
		free(params.url);
		free(params.login);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, clear)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(short_ascii_stays_as_it_is),
		TEST(other_texts_become_encoded_words),
		TEST(words_are_folded_between_characters),
		TEST(mailboxes),
		TEST(bodies_are_quoted_printable),
		TEST(long_lines_are_broken_softly),
		TEST(a_whole_mail),
		TEST(money_has_the_decimals_of_its_currency),
		TEST(letters_need_their_data),
		TEST(addresses),
		TEST(answers_are_classified),
		TEST(logins_need_tls),
	};

	return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
