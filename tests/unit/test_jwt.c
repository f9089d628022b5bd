/* Tokens and keys: what is accepted, and every way to be refused. */
#include "auth/base64url.h"
#include "auth/jwt.h"
#include "auth/jwt_cache.h"
#include "support/token_maker.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW      1000000
#define HEADER   "{\"alg\":\"%s\",\"kid\":\"%s\"}"
#define GOOD_IDS "\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\""
#define GOOD     "{" GOOD_IDS ",\"exp\":1000010}"

static const struct wb_jwt_rules rules = {
	.issuer = "i",
	.audience = "a",
	.leeway_s = 5,
};

static const char *const algorithms[] = { "HS256", "RS256", "ES256", "EdDSA" };

/* A key for each algorithm, with it as the kid; made once. */
static struct {
	struct wb_test_key *keys[WB_ARRAY_LEN(algorithms)];
	struct wb_jwks *jwks;
	struct wb_jwt_claims claims;
	struct wb_note why;
} test;

static int
make_keys(void **state)
{
	struct wb_buf text = { .data = NULL };
	struct wb_note note = { "" };
	size_t i;

	(void)state;
	wb_buf_adds(&text, "{\"keys\":[");
	for (i = 0; i < WB_ARRAY_LEN(algorithms); i++) {
		test.keys[i] = wb_test_key_new(algorithms[i]);
		wb_buf_printf(&text, "%s{\"kid\":\"%s\",", i > 0 ? "," : "",
		              algorithms[i]);
		wb_test_key_print(test.keys[i], &text);
		wb_buf_adds(&text, "}");
	}
	wb_buf_adds(&text, "]}");
	test.jwks = wb_jwks_parse(text.data, text.len, &note);
	wb_buf_fini(&text);
	return test.jwks == NULL ? -1 : 0;
}

static int
free_keys(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(algorithms); i++)
		wb_test_key_free(test.keys[i]);
	wb_jwks_free(test.jwks);
	return 0;
}

static bool
verify_at(int64_t now_s, const char *token)
{
	return wb_jwt_verify(test.jwks, &rules, now_s, token, strlen(token),
	                     &test.claims, &test.why);
}

/* A token made with the i-th key: NULL if it is good, else why not. */
static const char *
refusal(size_t i, const char *header, const char *claims)
{
	struct wb_buf token = { .data = NULL };
	bool is_good;

	wb_test_token_print(test.keys[i], header, claims, strlen(claims),
	                    &token);
	is_good = verify_at(NOW, token.data);
	wb_buf_fini(&token);
	return is_good ? NULL : test.why.text;
}

static void
refused(const char *header, const char *claims, const char *why)
{
	const char *got = refusal(0, header, claims);

	if (got == NULL || strcmp(got, why) != 0)
		fail_msg("%s %s: %s instead of %s", header, claims,
		         got == NULL ? "good" : got, why);
}

static void
refused_for_claims(const char *claims, const char *why)
{
	refused("{\"alg\":\"HS256\",\"kid\":\"HS256\"}", claims, why);
}

static void
each_algorithm_has_its_key(void **state)
{
	char header[128];
	const char *got;
	size_t i, j;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(algorithms); i++) {
		for (j = 0; j < WB_ARRAY_LEN(algorithms); j++) {
			/* Key i signs and is named, the token says j. */
			(void)snprintf(header, sizeof(header), HEADER,
			               algorithms[j], algorithms[i]);
			got = refusal(i, header, GOOD);
			if (i == j)
				assert_null(got);
			else
				assert_string_equal(
				    got,
				    "its algorithm is not that of its key");
			/* Key i signs, another one is named. */
			(void)snprintf(header, sizeof(header), HEADER,
			               algorithms[j], algorithms[j]);
			got = refusal(i, header, GOOD);
			if (i != j)
				assert_string_equal(got,
				                    "its signature is wrong");
		}
	}
}

/* The public key, known to all, taken as the secret of an HMAC. */
static void
a_public_key_is_no_secret(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"kid\":\"RS256\"}",
		"{\"alg\":\"None\",\"kid\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"kid\":\"RS256\"}",
		"{\"alg\":null,\"kid\":\"HS256\"}",
		"{\"kid\":\"HS256\"}",
		"{\"alg\":[\"HS256\"],\"kid\":\"HS256\"}",
		"{\"alg\":\"HS512\",\"kid\":\"HS256\"}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(headers); i++)
		refused(headers[i], GOOD,
		        "its algorithm is not that of its key");
}

static void
headers_are_checked(void **state)
{
	(void)state;
	refused("{\"alg\":\"HS256\"}", GOOD, "it names no key");
	refused("{\"alg\":\"HS256\",\"kid\":7}", GOOD, "it names no key");
	refused("{\"alg\":\"HS256\",\"kid\":\"HS256\\u0000\"}", GOOD,
	        "its header can't be read");
	refused("{\"alg\":\"HS256\",\"kid\":\"x\"}", GOOD,
	        "its key is not known here");
	refused("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"crit\":[\"b64\"]}",
	        GOOD, "it has critical extensions");
	refused("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"crit\":null}", GOOD,
	        "it has critical extensions");
	refused("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"typ\":\"dpop+jwt\"}",
	        GOOD, "it is a token of another type");
	refused("{\"alg\":\"HS256\",\"kid\":\"HS256\",\"typ\":1}", GOOD,
	        "it is a token of another type");
	refused("{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"HS256\"}", GOOD,
	        "its header can't be read");
	refused("[]", GOOD, "its header can't be read");
	assert_null(refusal(
	    0, "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"typ\":\"jwt\"}", GOOD));
	assert_null(refusal(0,
	                    "{\"alg\":\"HS256\",\"kid\":\"HS256\","
	                    "\"typ\":\"application/at+jwt\"}",
	                    GOOD));
}

static void
claims_are_checked(void **state)
{
	(void)state;
	refused_for_claims("{}", "it is from another issuer");
	refused_for_claims("{\"iss\":\"j\",\"aud\":\"a\",\"sub\":\"s\","
	                   "\"exp\":1000010}",
	                   "it is from another issuer");
	refused_for_claims("{\"iss\":\"i\",\"aud\":\"b\",\"sub\":\"s\","
	                   "\"exp\":1000010}",
	                   "it is for another audience");
	refused_for_claims("{\"iss\":\"i\",\"aud\":[\"b\",1],\"sub\":\"s\","
	                   "\"exp\":1000010}",
	                   "it is for another audience");
	refused_for_claims("{" GOOD_IDS "}", "its exp is missing or no time");
	refused_for_claims("{" GOOD_IDS ",\"exp\":\"1000010\"}",
	                   "its exp is missing or no time");
	refused_for_claims("{" GOOD_IDS ",\"exp\":1e300}",
	                   "its exp is missing or no time");
	refused_for_claims("{" GOOD_IDS ",\"exp\":-1}",
	                   "its exp is missing or no time");
	refused_for_claims("{" GOOD_IDS ",\"exp\":99999999999999999999999}",
	                   "its exp is missing or no time");
	refused_for_claims("{" GOOD_IDS ",\"exp\":1000010,\"nbf\":null}",
	                   "its nbf is no time");
	refused_for_claims("{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1000010}",
	                   "its sub is missing or malformed");
	refused_for_claims("{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1000010,"
	                   "\"sub\":\"a b\"}",
	                   "its sub is missing or malformed");
	refused_for_claims("{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1000010,"
	                   "\"sub\":\"a\\u0000b\"}",
	                   "its claims can't be read");
	refused_for_claims("{" GOOD_IDS ",\"exp\":1000010,\"roles\":\"x\"}",
	                   "its roles are no array of strings");
	refused_for_claims("{" GOOD_IDS ",\"exp\":1000010,\"exp\":2000000}",
	                   "its claims can't be read");
	refused_for_claims("nonsense", "its claims can't be read");
	refused_for_claims("{\"x\":[[[[[[[[[[[[]]]]]]]]]]]]}",
	                   "its claims can't be read");
}

static void
claims_are_read(void **state)
{
	static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"HS256\"}";

	(void)state;
	assert_null(refusal(0, header,
	                    "{\"iss\":\"i\",\"aud\":[\"b\",\"a\"],"
	                    "\"sub\":\"me\",\"exp\":1000010.5,\"nbf\":1000000,"
	                    "\"roles\":[\"operator\",\"cook\",\"customer\"],"
	                    "\"more\":{\"a\":[1]}}"));
	assert_string_equal(test.claims.subject, "me");
	assert_int_equal(test.claims.expires_s, 1000010);
	assert_int_equal(test.claims.roles,
	                 WB_ROLE_OPERATOR | WB_ROLE_CUSTOMER);
	assert_null(refusal(0, header, GOOD));
	assert_int_equal(test.claims.roles, 0);
}

static void
times_have_a_leeway(void **state)
{
	static const char claims[] =
	    "{" GOOD_IDS ",\"exp\":1000010,\"nbf\":1000000}";
	struct wb_buf token = { .data = NULL };

	(void)state;
	wb_test_token_print(test.keys[0],
	                    "{\"alg\":\"HS256\",\"kid\":\"HS256\"}", claims,
	                    strlen(claims), &token);
	assert_false(verify_at(999994, token.data));
	assert_string_equal(test.why.text, "it is not valid yet");
	assert_true(verify_at(999995, token.data));
	assert_true(verify_at(1000014, token.data));
	assert_false(verify_at(1000015, token.data));
	assert_string_equal(test.why.text, "it has expired");
	wb_buf_fini(&token);
}

/* Each single character of a good token matters. */
static void
no_character_can_be_changed(void **state)
{
	struct wb_buf token = { .data = NULL };
	char header[128];
	size_t i, at;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(algorithms); i++) {
		(void)snprintf(header, sizeof(header), HEADER, algorithms[i],
		               algorithms[i]);
		wb_buf_clear(&token);
		wb_test_token_print(test.keys[i], header, GOOD, strlen(GOOD),
		                    &token);
		assert_true(verify_at(NOW, token.data));
		for (at = 0; at < token.len; at++) {
			char kept = token.data[at];

			token.data[at] = kept == 'A' ? 'B' : 'A';
			assert_false(verify_at(NOW, token.data));
			token.data[at] = '\0';
			assert_false(wb_jwt_verify(test.jwks, &rules, NOW,
			                           token.data, token.len,
			                           &test.claims, &test.why));
			token.data[at] = kept;
		}
	}
	wb_buf_fini(&token);
}

static void
forms_are_checked(void **state)
{
	static char huge[WB_JWT_MAX_BYTES + 2];
	static const char *const texts[] = {
		"",      ".",   "..",       "...",         "a.b",
		"a.b.c", "a..", "e30.e30.", "e30=.e30.e30"
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(texts); i++)
		assert_false(verify_at(NOW, texts[i]));
	memset(huge, '.', sizeof(huge) - 1);
	assert_false(verify_at(NOW, huge));
	assert_string_equal(test.why.text, "it is too long");
}

/* Source: RFC 7515 appendices A.1 and A.3, RFC 8037 appendix A.4. */
static void
the_standards_examples_verify(void **state)
{
#define JOE                                                                    \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl" \
	"LmNvbS9pc19yb290Ijp0cnVlfQ"
	static const struct {
		const char *jwk, *text, *signature;
	} examples[] = {
		{ "\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-"
		  "EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"",
		  "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE,
		  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" },
		{ "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9"
		  "tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNp"
		  "XW6pCyStikYjKIWI5a0\"",
		  "eyJhbGciOiJFUzI1NiJ9." JOE,
		  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8"
		  "ISlSApmWQxfKTUJqPP3-Kg6NU1Q" },
		{ "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7"
		  "TyWQHOg7hcvPapiMlrwIaaPcHURo\"",
		  "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
		  "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylG"
		  "jg5BhVsPt9g7sVvpAr_MuM0KAg" },
	};
#undef JOE
	unsigned char signature[128];
	char text[512];
	size_t i, bytes;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(examples); i++) {
		struct json_object *json;
		struct wb_jwk *jwk;

		(void)snprintf(text, sizeof(text), "{\"kid\":\"k\",%s}",
		               examples[i].jwk);
		json = json_tokener_parse(text);
		jwk = wb_jwk_new(json, NULL);
		json_object_put(json);
		assert_non_null(jwk);
		assert_true(wb_base64url_decode(examples[i].signature,
		                                strlen(examples[i].signature),
		                                signature, &bytes));
		assert_true(wb_jwk_verify(jwk, examples[i].text,
		                          strlen(examples[i].text), signature,
		                          bytes));
		signature[5] ^= 1;
		assert_false(wb_jwk_verify(jwk, examples[i].text,
		                           strlen(examples[i].text), signature,
		                           bytes));
		wb_jwk_free(jwk);
	}
}

static void
refused_key(const char *members, const char *why)
{
	struct wb_note note = { "" };
	char text[1024];
	int n = snprintf(text, sizeof(text), "{\"keys\":[{%s}]}", members);
	struct wb_jwks *jwks = wb_jwks_parse(text, (size_t)n, &note);

	assert_null(jwks);
	if (strstr(note.text, why) == NULL)
		fail_msg("%s: %s instead of %s", members, note.text, why);
}

static void
bad_keys_are_refused(void **state)
{
#define K32 "\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define N32 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
	(void)state;
	refused_key("\"kty\":\"oct\"," K32, "it needs a kid");
	refused_key("\"kid\":\"\",\"kty\":\"oct\"," K32, "it needs a kid");
	refused_key("\"kid\":\"a\",\"kty\":\"oct\",\"k\":\"c2hvcnQ\"",
	            "no key for HS256");
	refused_key("\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"HS512\"," K32,
	            "its alg");
	refused_key("\"kid\":\"a\",\"kty\":\"oct\",\"use\":\"enc\"," K32,
	            "its use is not sig");
	refused_key("\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-384\"",
	            "its kty");
	refused_key("\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\","
	            "\"alg\":\"HS256\",\"x\":" N32 ",\"y\":" N32,
	            "its alg");
	/* Not on the curve. */
	refused_key("\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":" N32
	            ",\"y\":" N32,
	            "no key for ES256");
	refused_key("\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\","
	            "\"x\":" N32 ",\"d\":" N32,
	            "it is a private key");
	refused_key("\"kid\":\"a\",\"kty\":\"RSA\",\"n\":" N32
	            ",\"e\":\"AQAB\"",
	            "no key for RS256");
	refused_key("\"kid\":\"a\",\"kty\":\"oct\"," K32
	            "},{\"kid\":\"a\",\"kty\":\"oct\"," K32,
	            "two keys");
	assert_null(wb_jwks_parse("{}", 2, NULL));
	assert_null(wb_jwks_parse("{\"keys\":[]}", 11, NULL));
	assert_null(wb_jwks_parse("", 0, NULL));
}

/* An identity provider's set holds keys for other purposes, too. */
static void
keys_of_others_are_left_out(void **state)
{
	static const char text[] =
	    "{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"use\":\"enc\"},"
	    "{\"kid\":\"b\",\"kty\":\"oct\"," K32 "},7]}";
	struct wb_jwks *jwks = wb_jwks_parse(text, sizeof(text) - 1, NULL);

	(void)state;
	assert_non_null(jwks);
	assert_int_equal(wb_jwks_count(jwks), 1);
	assert_int_equal(wb_jwks_left_out(jwks), 2);
	assert_non_null(wb_jwks_find(jwks, "b"));
	assert_null(wb_jwks_find(jwks, "a"));
	wb_jwks_free(jwks);
}

static void
base64url_is_strict(void **state)
{
	static const char *const wrong[] = { "A",    "AB",   "AAB",  "AA=",
		                             "AA==", "A A=", "++//", "AA\n" };
	unsigned char out[16];
	size_t i, bytes;

	(void)state;
	assert_true(wb_base64url_decode("", 0, out, &bytes));
	assert_int_equal(bytes, 0);
	assert_true(wb_base64url_decode("-_8", 3, out, &bytes));
	assert_int_equal(bytes, 2);
	assert_memory_equal(out, "\xFB\xFF", 2);
	for (i = 0; i < WB_ARRAY_LEN(wrong); i++)
		assert_false(wb_base64url_decode(wrong[i], strlen(wrong[i]),
		                                 out, &bytes));
}

static void
the_cache_knows_its_tokens(void **state)
{
	const struct wb_jwt_claims claims = { .subject = "s", .roles = 1 };
	struct wb_jwt_cache *cache = wb_jwt_cache_new();
	unsigned char one[WB_JWT_DIGEST_BYTES], other[WB_JWT_DIGEST_BYTES];

	(void)state;
	wb_jwt_digest("one", 3, one);
	memcpy(other, one, sizeof(other));
	other[31] ^= 1; /* the same place */
	assert_null(wb_jwt_cache_find(cache, one));
	wb_jwt_cache_add(cache, one, &claims);
	assert_string_equal(wb_jwt_cache_find(cache, one)->subject, "s");
	assert_null(wb_jwt_cache_find(cache, other));
	wb_jwt_cache_add(cache, other, &claims);
	assert_null(wb_jwt_cache_find(cache, one));
	wb_jwt_cache_clear(cache);
	assert_null(wb_jwt_cache_find(cache, other));
	wb_jwt_cache_free(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_algorithm_has_its_key),
		cmocka_unit_test(a_public_key_is_no_secret),
		cmocka_unit_test(headers_are_checked),
		cmocka_unit_test(claims_are_checked),
		cmocka_unit_test(claims_are_read),
		cmocka_unit_test(times_have_a_leeway),
		cmocka_unit_test(no_character_can_be_changed),
		cmocka_unit_test(forms_are_checked),
		cmocka_unit_test(the_standards_examples_verify),
		cmocka_unit_test(bad_keys_are_refused),
		cmocka_unit_test(keys_of_others_are_left_out),
		cmocka_unit_test(base64url_is_strict),
		cmocka_unit_test(the_cache_knows_its_tokens),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
