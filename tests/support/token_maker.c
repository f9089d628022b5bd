#include "support/token_maker.h"

#include "base/attr.h"
#include "base/mem.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

struct wb_test_key {
	const char *algorithm;
	EVP_PKEY *pair; /* NULL for HS256 */
	unsigned char secret[32];
};

void
wb_test_base64url(const void *data, size_t bytes, struct wb_buf *buf)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *from = data;
	unsigned bits = 0, n_bits = 0;
	size_t i;

	for (i = 0; i < bytes; i++) {
		bits = bits << 8 | from[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			wb_buf_add(buf, &digits[bits >> (n_bits - 6) & 63u], 1);
		bits &= 0xFFFFu;
	}
	if (n_bits > 0)
		wb_buf_add(buf, &digits[bits << (6 - n_bits) & 63u], 1);
}

void
wb_test_key_free(struct wb_test_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pair);
	free(key);
}

struct wb_test_key *
wb_test_key_new(const char *algorithm)
{
	struct wb_test_key *key = wb_zalloc(sizeof(*key));

	key->algorithm = algorithm;
	if (strcmp(algorithm, "RS256") == 0)
		key->pair = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	else if (strcmp(algorithm, "ES256") == 0)
		key->pair = EVP_EC_gen("P-256");
	else if (strcmp(algorithm, "EdDSA") == 0)
		key->pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else
		WB_ASSERT(RAND_bytes(key->secret, sizeof(key->secret)) == 1);
	WB_ASSERT(strcmp(algorithm, "HS256") == 0 || key->pair != NULL);
	return key;
}

static void
print_number(const struct wb_test_key *key, const char *name, const char *param,
             struct wb_buf *buf)
{
	unsigned char bytes[512];
	BIGNUM *n = NULL;

	WB_ASSERT(EVP_PKEY_get_bn_param(key->pair, param, &n) == 1);
	wb_buf_printf(buf, "\"%s\":\"", name);
	wb_test_base64url(bytes, (size_t)BN_bn2bin(n, bytes), buf);
	wb_buf_adds(buf, "\"");
	BN_free(n);
}

static void
print_point(const struct wb_test_key *key, struct wb_buf *buf)
{
	unsigned char point[65];
	size_t bytes = 0;

	WB_ASSERT(EVP_PKEY_set_utf8_string_param(
	              key->pair, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
	              OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1);
	WB_ASSERT(EVP_PKEY_get_octet_string_param(
	              key->pair, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
	              &bytes) == 1 &&
	          bytes == sizeof(point));
	wb_buf_adds(buf, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
	wb_test_base64url(point + 1, 32, buf);
	wb_buf_adds(buf, "\",\"y\":\"");
	wb_test_base64url(point + 33, 32, buf);
	wb_buf_adds(buf, "\"");
}

void
wb_test_key_print(const struct wb_test_key *key, struct wb_buf *buf)
{
	unsigned char raw[32];
	size_t bytes = sizeof(raw);

	if (strcmp(key->algorithm, "RS256") == 0) {
		wb_buf_adds(buf, "\"kty\":\"RSA\",");
		print_number(key, "n", OSSL_PKEY_PARAM_RSA_N, buf);
		wb_buf_adds(buf, ",");
		print_number(key, "e", OSSL_PKEY_PARAM_RSA_E, buf);
	} else if (strcmp(key->algorithm, "ES256") == 0) {
		print_point(key, buf);
	} else if (strcmp(key->algorithm, "EdDSA") == 0) {
		WB_ASSERT(EVP_PKEY_get_raw_public_key(key->pair, raw, &bytes) ==
		          1);
		wb_buf_adds(buf,
		            "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		wb_test_base64url(raw, bytes, buf);
		wb_buf_adds(buf, "\"");
	} else {
		wb_buf_adds(buf, "\"kty\":\"oct\",\"k\":\"");
		wb_test_base64url(key->secret, sizeof(key->secret), buf);
		wb_buf_adds(buf, "\"");
	}
}

/* ES256 in a token is r and s, 32 bytes each. */
static size_t
flatten(unsigned char *signature, size_t bytes)
{
	const unsigned char *at = signature;
	ECDSA_SIG *pair = wb_made(d2i_ECDSA_SIG(NULL, &at, (long)bytes));
	unsigned char flat[64];

	WB_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(pair), flat, 32) == 32 &&
	          BN_bn2binpad(ECDSA_SIG_get0_s(pair), flat + 32, 32) == 32);
	memcpy(signature, flat, sizeof(flat));
	ECDSA_SIG_free(pair);
	return sizeof(flat);
}

static size_t
sign(const struct wb_test_key *key, const struct wb_buf *text,
     unsigned char signature[512])
{
	const EVP_MD *digest =
	    strcmp(key->algorithm, "EdDSA") == 0 ? NULL : EVP_sha256();
	EVP_MD_CTX *context;
	size_t bytes = 512;
	unsigned mac_bytes = 0;

	if (key->pair == NULL) {
		WB_ASSERT(HMAC(EVP_sha256(), key->secret, sizeof(key->secret),
		               (const unsigned char *)text->data, text->len,
		               signature, &mac_bytes) != NULL);
		return mac_bytes;
	}
	context = wb_made(EVP_MD_CTX_new());
	WB_ASSERT(
	    EVP_DigestSignInit(context, NULL, digest, NULL, key->pair) == 1 &&
	    EVP_DigestSign(context, signature, &bytes,
	                   (const unsigned char *)text->data, text->len) == 1);
	EVP_MD_CTX_free(context);
	if (strcmp(key->algorithm, "ES256") == 0)
		return flatten(signature, bytes);
	return bytes;
}

void
wb_test_token_print(const struct wb_test_key *key, const char *header,
                    const char *claims, size_t claims_bytes, struct wb_buf *buf)
{
	unsigned char signature[512];
	struct wb_buf text = { .data = NULL };
	size_t bytes;

	wb_test_base64url(header, strlen(header), &text);
	wb_buf_adds(&text, ".");
	wb_test_base64url(claims, claims_bytes, &text);
	bytes = sign(key, &text, signature);
	wb_buf_add(buf, text.data, text.len);
	wb_buf_adds(buf, ".");
	wb_test_base64url(signature, bytes, buf);
	wb_buf_fini(&text);
}
