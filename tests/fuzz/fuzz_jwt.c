/* Tokens. The first byte says what the rest is:
 *   t  a token as it comes from a client: must never be accepted
 *   c  the claims of a token that is signed here, so that they are looked at
 *   h  its header, signed likewise
 *   k  a set of keys */
#include "fuzz.h"

#include "auth/jwt.h"
#include "base/mem.h"
#include "support/token_maker.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "{\"alg\":\"HS256\",\"kid\":\"a\"}"
#define CLAIMS "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"exp\":2000}"

static const struct wb_jwt_rules rules = { .issuer = "i", .audience = "a" };

static struct {
	struct wb_test_key *key;
	struct wb_jwks *jwks;
	struct wb_jwt_claims claims;
} fuzz;

static void
set_up(void)
{
	struct wb_buf text = { .data = NULL };

	fuzz.key = wb_test_key_new("HS256");
	wb_buf_adds(&text, "{\"keys\":[{\"kid\":\"a\",");
	wb_test_key_print(fuzz.key, &text);
	wb_buf_adds(&text, "}]}");
	fuzz.jwks = wb_jwks_parse(text.data, text.len, NULL);
	WB_ASSERT(fuzz.jwks != NULL);
	wb_buf_fini(&text);
}

static bool
is_accepted(const char *token, size_t bytes)
{
	struct wb_note why = { "" };
	bool is_good = wb_jwt_verify(fuzz.jwks, &rules, 1000, token, bytes,
	                             &fuzz.claims, &why);

	WB_ASSERT(is_good == (why.text[0] == '\0'));
	return is_good;
}

static void
try_signed(const char *header, const char *claims, size_t claims_bytes)
{
	struct wb_buf token = { .data = NULL };
	size_t n;

	wb_test_token_print(fuzz.key, header, claims, claims_bytes, &token);
	if (is_accepted(token.data, token.len)) {
		n = strlen(fuzz.claims.subject);
		WB_ASSERT(n > 0 && n < WB_JWT_SUBJECT_BYTES);
		WB_ASSERT(fuzz.claims.expires_s > 1000 &&
		          fuzz.claims.not_before_s <= 1000);
	}
	wb_buf_fini(&token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *rest;
	char *text;

	if (bytes == 0)
		return 0;
	if (fuzz.key == NULL)
		set_up();
	rest = (const char *)data + 1;
	text = wb_zalloc(bytes);
	memcpy(text, rest, bytes - 1);
	switch (data[0]) {
	case 't':
		WB_ASSERT(!is_accepted(rest, bytes - 1));
		break;
	case 'c':
		try_signed(HEADER, rest, bytes - 1);
		break;
	case 'h':
		try_signed(text, CLAIMS, strlen(CLAIMS));
		break;
	case 'k':
		wb_jwks_free(wb_jwks_parse(rest, bytes - 1, NULL));
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
