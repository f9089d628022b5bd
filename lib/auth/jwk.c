#include "auth/jwk.h"

#include "auth/base64url.h"
#include "base/mem.h"

#include <json-c/json.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <stdlib.h>
#include <string.h>

#define MAX_ID_BYTES 256

enum {
	MIN_SECRET_BYTES = 32, /* RFC 7518 section 3.2 */
	MAX_SECRET_BYTES = 1024,
	MIN_RSA_BITS = 2048, /* section 3.3 */
	MAX_RSA_BYTES = 1024,
	P256_BYTES = 32,
	ED25519_BYTES = 32,
	HS256_BYTES = 32,
};

struct kind;

struct wb_jwk {
	const struct kind *kind;
	char *id;
	EVP_PKEY *key; /* NULL for HS256 */
	unsigned char *secret;
	size_t secret_bytes;
};

struct kind {
	const char *type, *curve; /* "kty", "crv" (NULL = has none) */
	const char *algorithm;
	bool (*read)(struct wb_jwk *jwk, struct json_object *json);
	bool (*verify)(const struct wb_jwk *jwk, const void *text,
	               size_t text_bytes, const unsigned char *signature,
	               size_t signature_bytes);
};

/* The text member, or NULL; without NUL inside. */
static const char *
member(struct json_object *json, const char *name)
{
	struct json_object *value = NULL;
	const char *text;

	if (!json_object_object_get_ex(json, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value))
		return NULL;
	return text;
}

/* The bytes of a base64url member: owned by the caller, NULL when absent, wrong
 * or not of min to max bytes. */
static unsigned char *
take_bytes(struct json_object *json, const char *name, size_t min, size_t max,
           size_t *ret_bytes)
{
	const char *text = member(json, name);
	size_t n = text == NULL ? 0 : strlen(text), bytes;
	unsigned char *out;

	if (text == NULL)
		return NULL;
	out = wb_zalloc(WB_BASE64URL_MAX(n));
	if (wb_base64url_decode(text, n, out, &bytes) && bytes >= min &&
	    bytes <= max) {
		*ret_bytes = bytes;
		return out;
	}
	free(out);
	return NULL;
}

/* ---- HS256 ---- */

static bool
read_secret(struct wb_jwk *jwk, struct json_object *json)
{
	jwk->secret = take_bytes(json, "k", MIN_SECRET_BYTES, MAX_SECRET_BYTES,
	                         &jwk->secret_bytes);
	return jwk->secret != NULL;
}

static bool
verify_secret(const struct wb_jwk *jwk, const void *text, size_t text_bytes,
              const unsigned char *signature, size_t signature_bytes)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_bytes = 0;

	if (signature_bytes != HS256_BYTES ||
	    HMAC(EVP_sha256(), jwk->secret, (int)jwk->secret_bytes, text,
	         text_bytes, mac, &mac_bytes) == NULL ||
	    mac_bytes != HS256_BYTES)
		return false;
	return CRYPTO_memcmp(mac, signature, HS256_BYTES) == 0;
}

/* ---- public keys ---- */

/* The key of these parameters, checked, or NULL. */
static EVP_PKEY *
make_key(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY_CTX *check = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *key = NULL;

	if (context == NULL || params == NULL ||
	    EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		goto out;
	/* A point that is not on its curve is no key. */
	check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (check == NULL || EVP_PKEY_public_check(check) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
out:
	EVP_PKEY_CTX_free(check);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool
verify_key(const struct wb_jwk *jwk, const EVP_MD *digest, const void *text,
           size_t text_bytes, const unsigned char *signature,
           size_t signature_bytes)
{
	EVP_MD_CTX *context = wb_made(EVP_MD_CTX_new());
	bool is_valid =
	    EVP_DigestVerifyInit(context, NULL, digest, NULL, jwk->key) == 1 &&
	    EVP_DigestVerify(context, signature, signature_bytes, text,
	                     text_bytes) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return is_valid;
}

/* ---- RS256 ---- */

static bool
read_rsa(struct wb_jwk *jwk, struct json_object *json)
{
	OSSL_PARAM_BLD *build = wb_made(OSSL_PARAM_BLD_new());
	BIGNUM *n = NULL, *e = NULL;
	size_t n_bytes = 0, e_bytes = 0;
	unsigned char *modulus =
	    take_bytes(json, "n", MIN_RSA_BITS / 8, MAX_RSA_BYTES, &n_bytes);
	unsigned char *exponent = take_bytes(json, "e", 1, 8, &e_bytes);

	if (modulus != NULL && exponent != NULL) {
		n = wb_made(BN_bin2bn(modulus, (int)n_bytes, NULL));
		e = wb_made(BN_bin2bn(exponent, (int)e_bytes, NULL));
		if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) ==
		        1 &&
		    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) ==
		        1)
			jwk->key = make_key("RSA", build);
	}
	BN_free(n);
	BN_free(e);
	free(modulus);
	free(exponent);
	OSSL_PARAM_BLD_free(build);
	return jwk->key != NULL && EVP_PKEY_get_bits(jwk->key) >= MIN_RSA_BITS;
}

static bool
verify_rsa(const struct wb_jwk *jwk, const void *text, size_t text_bytes,
           const unsigned char *signature, size_t signature_bytes)
{
	return verify_key(jwk, EVP_sha256(), text, text_bytes, signature,
	                  signature_bytes);
}

/* ---- ES256 ---- */

static bool
read_ec(struct wb_jwk *jwk, struct json_object *json)
{
	OSSL_PARAM_BLD *build = wb_made(OSSL_PARAM_BLD_new());
	unsigned char point[1 + 2 * P256_BYTES] = {
		POINT_CONVERSION_UNCOMPRESSED
	};
	size_t bytes;
	unsigned char *x =
	    take_bytes(json, "x", P256_BYTES, P256_BYTES, &bytes);
	unsigned char *y =
	    take_bytes(json, "y", P256_BYTES, P256_BYTES, &bytes);

	if (x != NULL && y != NULL) {
		memcpy(point + 1, x, P256_BYTES);
		memcpy(point + 1 + P256_BYTES, y, P256_BYTES);
		if (OSSL_PARAM_BLD_push_utf8_string(build,
		                                    OSSL_PKEY_PARAM_GROUP_NAME,
		                                    "prime256v1", 0) == 1 &&
		    OSSL_PARAM_BLD_push_octet_string(build,
		                                     OSSL_PKEY_PARAM_PUB_KEY,
		                                     point, sizeof(point)) == 1)
			jwk->key = make_key("EC", build);
	}
	free(x);
	free(y);
	OSSL_PARAM_BLD_free(build);
	return jwk->key != NULL;
}

/* OpenSSL wants the two numbers as DER, a token has them side by side. */
static bool
verify_ec(const struct wb_jwk *jwk, const void *text, size_t text_bytes,
          const unsigned char *signature, size_t signature_bytes)
{
	ECDSA_SIG *pair = NULL;
	BIGNUM *r, *s;
	unsigned char *der = NULL;
	int der_bytes;
	bool is_valid = false;

	if (signature_bytes != (size_t)2 * P256_BYTES)
		return false;
	pair = wb_made(ECDSA_SIG_new());
	r = wb_made(BN_bin2bn(signature, P256_BYTES, NULL));
	s = wb_made(BN_bin2bn(signature + P256_BYTES, P256_BYTES, NULL));
	(void)ECDSA_SIG_set0(pair, r, s); /* fails for NULL only */
	der_bytes = i2d_ECDSA_SIG(pair, &der);
	if (der_bytes > 0)
		is_valid = verify_key(jwk, EVP_sha256(), text, text_bytes, der,
		                      (size_t)der_bytes);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return is_valid;
}

/* ---- EdDSA ---- */

static bool
read_ed25519(struct wb_jwk *jwk, struct json_object *json)
{
	size_t bytes;
	unsigned char *x =
	    take_bytes(json, "x", ED25519_BYTES, ED25519_BYTES, &bytes);

	if (x != NULL)
		jwk->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		                                       x, ED25519_BYTES);
	free(x);
	return jwk->key != NULL;
}

static bool
verify_ed25519(const struct wb_jwk *jwk, const void *text, size_t text_bytes,
               const unsigned char *signature, size_t signature_bytes)
{
	return verify_key(jwk, NULL, text, text_bytes, signature,
	                  signature_bytes);
}

/* ---- any key ---- */

static const struct kind kinds[] = {
	{ "oct", NULL, "HS256", read_secret, verify_secret },
	{ "RSA", NULL, "RS256", read_rsa, verify_rsa },
	{ "EC", "P-256", "ES256", read_ec, verify_ec },
	{ "OKP", "Ed25519", "EdDSA", read_ed25519, verify_ed25519 },
};

static const struct kind *
find_kind(const char *type, const char *curve)
{
	size_t i;

	for (i = 0; type != NULL && i < WB_ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		if (kinds[i].curve == NULL ||
		    (curve != NULL && strcmp(kinds[i].curve, curve) == 0))
			return &kinds[i];
	}
	return NULL;
}

/* What is wrong with the key as a whole, or NULL. */
static const char *
find_fault(struct json_object *json, const struct kind *kind)
{
	const char *id = member(json, "kid"), *use = member(json, "use");
	const char *algorithm = member(json, "alg");

	if (kind == NULL)
		return "its kty (with crv) is none that is understood";
	if (id == NULL || id[0] == '\0' || strlen(id) > MAX_ID_BYTES)
		return "it needs a kid";
	if (json_object_object_get_ex(json, "use", NULL) &&
	    (use == NULL || strcmp(use, "sig") != 0))
		return "its use is not sig";
	if (json_object_object_get_ex(json, "alg", NULL) &&
	    (algorithm == NULL || strcmp(algorithm, kind->algorithm) != 0))
		return "its alg is none that is understood for this kty";
	if (json_object_object_get_ex(json, "d", NULL))
		return "it is a private key";
	return NULL;
}

void
wb_jwk_free(struct wb_jwk *jwk)
{
	if (jwk == NULL)
		return;
	if (jwk->secret != NULL)
		OPENSSL_cleanse(jwk->secret, jwk->secret_bytes);
	free(jwk->secret);
	EVP_PKEY_free(jwk->key);
	free(jwk->id);
	free(jwk);
}

struct wb_jwk *
wb_jwk_new(struct json_object *json, struct wb_note *note)
{
	struct wb_jwk *jwk;
	const struct kind *kind;
	const char *why;

	if (!json_object_is_type(json, json_type_object)) {
		(void)wb_fail(note, WB_ERR_BAD_CONFIG, "it is no object");
		return NULL;
	}
	kind = find_kind(member(json, "kty"), member(json, "crv"));
	why = find_fault(json, kind);
	if (why != NULL) {
		(void)wb_fail(note, WB_ERR_BAD_CONFIG, "%s", why);
		return NULL;
	}
	jwk = wb_zalloc(sizeof(*jwk));
	jwk->kind = kind;
	jwk->id = wb_strdup(member(json, "kid"));
	if (kind->read(jwk, json))
		return jwk;
	ERR_clear_error();
	wb_jwk_free(jwk);
	(void)wb_fail(note, WB_ERR_BAD_CONFIG,
	              "its numbers are no key for %s, or a weak one",
	              kind->algorithm);
	return NULL;
}

const char *
wb_jwk_id(const struct wb_jwk *jwk)
{
	return jwk->id;
}

const char *
wb_jwk_algorithm(const struct wb_jwk *jwk)
{
	return jwk->kind->algorithm;
}

bool
wb_jwk_verify(const struct wb_jwk *jwk, const void *text, size_t text_bytes,
              const void *signature, size_t signature_bytes)
{
	return jwk->kind->verify(jwk, text, text_bytes, signature,
	                         signature_bytes);
}
