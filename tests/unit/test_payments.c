/* What the provider's answers mean, and when its breaker lets calls through. */
#include "breaker.h"
#include "provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/utf8.h"

static struct provider_answer
read_answer(int status, const char *body, bool is_refund)
{
	struct provider_answer answer;

	provider_read(&(struct wb_http_response){ .status = status,
	                                          .body = body,
	                                          .body_bytes = strlen(body),
	                                          .error = "" },
	              is_refund, &answer);
	return answer;
}

static void
answers_are_told_apart(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool is_refund;
		enum provider_outcome outcome;
	} rows[] = {
#define CAPTURED "{\"status\":\"captured\",\"reference\":\"r\"}"
#define DECLINED "{\"status\":\"declined\",\"reason\":\"no\"}"
#define REFUNDED "{\"status\":\"refunded\"}"
		{ 200, CAPTURED, false, PROVIDER_CAPTURED },
		{ 402, DECLINED, false, PROVIDER_DECLINED },
		{ 200, REFUNDED, true, PROVIDER_REFUNDED },
		/* Anything else decides nothing. */
		{ 201, CAPTURED, false, PROVIDER_UNKNOWN },
		{ 200, CAPTURED, true, PROVIDER_UNKNOWN },
		{ 200, REFUNDED, false, PROVIDER_UNKNOWN },
		{ 402, DECLINED, true, PROVIDER_UNKNOWN },
		{ 200, "{\"status\":\"captured\"}", false, PROVIDER_UNKNOWN },
		{ 200, "{\"status\":true}", false, PROVIDER_UNKNOWN },
		{ 200, "[]", false, PROVIDER_UNKNOWN },
		{ 200, "", false, PROVIDER_UNKNOWN },
		{ 503, "try again", false, PROVIDER_UNKNOWN },
		{ 401, "{}", false, PROVIDER_UNKNOWN },
		{ 404, "{}", true, PROVIDER_UNKNOWN },
		{ 409, "{}", false, PROVIDER_UNKNOWN },
		{ 429, "{}", false, PROVIDER_UNKNOWN },
		/* But this one is about the call itself. */
		{ 400, "", false, PROVIDER_REFUSED },
		{ 422, "{\"detail\":\"no\"}", true, PROVIDER_REFUSED },
#undef CAPTURED
#undef DECLINED
#undef REFUNDED
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(rows); i++) {
		struct provider_answer answer = read_answer(
		    rows[i].status, rows[i].body, rows[i].is_refund);

		assert_int_equal(answer.outcome, rows[i].outcome);
	}
}

static void
no_answer_decides_nothing(void **state)
{
	const struct wb_http_response response = {
		.err = WB_ERR_TIMEOUT,
		.body = "",
		.error = "no answer in time",
	};
	struct provider_answer answer;

	(void)state;
	provider_read(&response, false, &answer);
	assert_int_equal(answer.outcome, PROVIDER_UNKNOWN);
	assert_string_equal(answer.detail, "status 0: no answer in time");
}

/* One text that Postgres refuses would hold up the outcomes of all calls. */
static void
texts_can_be_stored_whatever_is_sent(void **state)
{
	static const char *const reasons[] = {
		"\xff\xfe",     /* no UTF-8 */
		"caf\xc3",      /* ends within a character */
		"\xed\xa0\x80", /* a surrogate */
	};
	char body[512], long_reason[301] = "";

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(reasons); i++) {
		struct provider_answer answer;

		(void)snprintf(body, sizeof(body),
		               "{\"status\":\"declined\",\"reason\":\"%s\"}",
		               reasons[i]);
		answer = read_answer(402, body, false);
		assert_true(
		    wb_utf8_is_valid(answer.detail, strlen(answer.detail)));
	}
	/* Cut at each place within a character of three bytes. */
	for (size_t shift = 0; shift < 3; shift++) {
		struct provider_answer answer;

		memset(long_reason, 'x', shift);
		for (size_t at = shift; at + 3 < sizeof(long_reason); at += 3)
			memcpy(long_reason + at, "\xe2\x82\xac", 4);
		(void)snprintf(body, sizeof(body),
		               "{\"status\":\"declined\",\"reason\":\"%s\"}",
		               long_reason);
		answer = read_answer(402, body, false);
		assert_int_equal(answer.outcome, PROVIDER_DECLINED);
		assert_true(strlen(answer.detail) > PROVIDER_TEXT_BYTES - 4);
		assert_true(
		    wb_utf8_is_valid(answer.detail, strlen(answer.detail)));
	}
}

/* ---- the breaker ---- */

static const struct breaker_params breaker_params = {
	.calls = 4,
	.failure_percent = 75,
	.open_ms = 10,
	.probes = 2,
};

/* Calls that begin and end one after the other: '+' answered, '-' failed. */
static void
call(struct breaker *breaker, const char *ends, int64_t now_us)
{
	for (; *ends != '\0'; ends++)
		breaker_ended(breaker, breaker_begun(breaker), true,
		              *ends == '+', now_us);
}

static void
the_breaker_opens_by_the_share_of_failures(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, &breaker_params);
	assert_int_equal(breaker_allow(&breaker, 64, 0), 64);
	call(&breaker, "---", 0); /* too few calls to tell */
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	call(&breaker, "+", 0);
	assert_int_equal(breaker.state, BREAKER_OPEN);

	breaker_init(&breaker, &breaker_params);
	call(&breaker, "++--++--++--", 0); /* never three of the last four */
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	call(&breaker, "-", 0);
	assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void
the_breaker_probes_and_closes(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, &breaker_params);
	call(&breaker, "----", 0);
	assert_int_equal(breaker_allow(&breaker, 64, 9999), 0);

	/* One probe at a time; its failure opens it again. */
	assert_int_equal(breaker_allow(&breaker, 64, 10000), 1);
	assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
	assert_int_equal(breaker_allow(&breaker, 64, 10000), 1);
	call(&breaker, "+", 10000);
	assert_int_equal(breaker_allow(&breaker, 64, 10000), 1);
	call(&breaker, "-", 10000);
	assert_int_equal(breaker.state, BREAKER_OPEN);
	assert_int_equal(breaker_allow(&breaker, 64, 19999), 0);

	assert_int_equal(breaker_allow(&breaker, 64, 20000), 1);
	call(&breaker, "+", 20000);
	assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
	(void)breaker_begun(&breaker);
	assert_int_equal(breaker_allow(&breaker, 64, 20000), 0);
	breaker_ended(&breaker, breaker.era, true, true, 20000);
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	assert_int_equal(breaker_allow(&breaker, 64, 20000), 64);
	/* And the failures of then are forgotten. */
	call(&breaker, "---", 20000);
	assert_int_equal(breaker.state, BREAKER_CLOSED);
}

/* Calls that hung while it was closed end when it is half open. */
static void
late_ends_say_nothing_about_the_state(void **state)
{
	struct breaker breaker;
	unsigned then;

	(void)state;
	breaker_init(&breaker, &breaker_params);
	then = breaker_begun(&breaker);
	call(&breaker, "----", 0);
	breaker_ended(&breaker, then, true, true, 0);
	assert_int_equal(breaker.state, BREAKER_OPEN);
	assert_int_equal(breaker_allow(&breaker, 64, 10000), 1);
	breaker_ended(&breaker, then, true, false, 10000);
	assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
	call(&breaker, "+", 10000);
	breaker_ended(&breaker, then, true, true, 10000);
	assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
}

/* Payments that fail again and again are no sign of a provider that is down; as
 * probes they count like others. */
static void
repeats_count_as_probes_only(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, &breaker_params);
	for (int i = 0; i < 100; i++)
		breaker_ended(&breaker, breaker_begun(&breaker), false, false,
		              0);
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	for (int64_t i = 0; i < breaker_params.calls; i++)
		breaker_ended(&breaker, breaker_begun(&breaker), true, false,
		              0);
	assert_int_equal(breaker.state, BREAKER_OPEN);
	assert_int_equal(
	    breaker_allow(&breaker, 8, breaker_params.open_ms * 1000), 1);
	breaker_ended(&breaker, breaker_begun(&breaker), false, false,
	              breaker_params.open_ms * 1000);
	assert_int_equal(breaker.state, BREAKER_OPEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_told_apart),
		cmocka_unit_test(no_answer_decides_nothing),
		cmocka_unit_test(texts_can_be_stored_whatever_is_sent),
		cmocka_unit_test(the_breaker_opens_by_the_share_of_failures),
		cmocka_unit_test(the_breaker_probes_and_closes),
		cmocka_unit_test(late_ends_say_nothing_about_the_state),
		cmocka_unit_test(repeats_count_as_probes_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
