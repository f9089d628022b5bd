#include "auth/jwt.h"

#include "auth/base64url.h"
#include "base/json_scan.h"
#include "base/mem.h"

#include <json-c/json.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_DEPTH 8
#define MAX_TIME  253402300799.0 /* the end of the year 9999 */

/* header.payload.signature */
struct parts {
	const char *header, *payload, *signature;
	size_t header_bytes, payload_bytes, signature_bytes;
};

static bool
refuse(struct wb_note *why, const char *text)
{
	(void)wb_fail(why, WB_ERR_BAD_MESSAGE, "%s", text);
	return false;
}

static bool
split(const char *token, size_t bytes, struct parts *ret_parts)
{
	const char *end = token + bytes, *first, *second;

	first = memchr(token, '.', bytes);
	if (first == NULL)
		return false;
	second = memchr(first + 1, '.', (size_t)(end - first - 1));
	if (second == NULL ||
	    memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return false;
	*ret_parts = (struct parts){
		.header = token,
		.header_bytes = (size_t)(first - token),
		.payload = first + 1,
		.payload_bytes = (size_t)(second - first - 1),
		.signature = second + 1,
		.signature_bytes = (size_t)(end - second - 1),
	};
	return true;
}

/* The object within a part, or NULL. */
static struct json_object *
parse(const char *part, size_t part_bytes)
{
	static const struct wb_json_rules rules = {
		.max_depth = MAX_DEPTH,
		.has_wide_integers = true, /* claims that nobody reads */
	};
	struct json_object *json = NULL;
	struct json_tokener *tokener;
	char text[WB_BASE64URL_MAX(WB_JWT_MAX_BYTES)];
	size_t bytes;

	if (!wb_base64url_decode(part, part_bytes, text, &bytes) ||
	    wb_json_scan(text, bytes, &rules, NULL) != WB_OK)
		return NULL;
	tokener = wb_made(json_tokener_new_ex(MAX_DEPTH + 1));
	json = json_tokener_parse_ex(tokener, text, (int)bytes);
	json_tokener_free(tokener);
	return json;
}

/* The text, or NULL; without NUL inside. */
static const char *
text_of(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text
	                                                                 : NULL;
}

static struct json_object *
member(struct json_object *json, const char *name)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(json, name, &value);
	return value;
}

/* ---- the header: which key ---- */

static bool
is_token_type(struct json_object *json)
{
	const char *type = text_of(member(json, "typ"));

	if (!json_object_object_get_ex(json, "typ", NULL))
		return true;
	if (type == NULL)
		return false;
	if (strncasecmp(type, "application/", 12) == 0)
		type += 12;
	return strcasecmp(type, "JWT") == 0 || strcasecmp(type, "at+jwt") == 0;
}

static const struct wb_jwk *
choose_key(const struct wb_jwks *jwks, struct json_object *header,
           struct wb_note *why)
{
	const char *id = text_of(member(header, "kid"));
	const char *algorithm = text_of(member(header, "alg"));
	const struct wb_jwk *jwk = NULL;

	if (json_object_object_get_ex(header, "crit", NULL))
		(void)refuse(why, "it has critical extensions");
	else if (!is_token_type(header))
		(void)refuse(why, "it is a token of another type");
	else if (id == NULL)
		(void)refuse(why, "it names no key");
	else
		jwk = wb_jwks_find(jwks, id);
	if (jwk == NULL && id != NULL && why->text[0] == '\0')
		(void)refuse(why, "its key is not known here");
	if (jwk == NULL)
		return NULL;
	if (algorithm != NULL && strcmp(algorithm, wb_jwk_algorithm(jwk)) == 0)
		return jwk;
	(void)refuse(why, "its algorithm is not that of its key");
	return NULL;
}

static bool
verify_signature(const struct wb_jwks *jwks, const struct parts *parts,
                 struct wb_note *why)
{
	unsigned char signature[WB_BASE64URL_MAX(WB_JWT_MAX_BYTES)];
	size_t bytes, text_bytes = (size_t)(parts->signature - parts->header);
	struct json_object *header = parse(parts->header, parts->header_bytes);
	const struct wb_jwk *jwk;

	if (header == NULL)
		return refuse(why, "its header can't be read");
	jwk = choose_key(jwks, header, why);
	json_object_put(header);
	if (jwk == NULL)
		return false;
	/* The text is all before the second dot. */
	if (wb_base64url_decode(parts->signature, parts->signature_bytes,
	                        signature, &bytes) &&
	    wb_jwk_verify(jwk, parts->header, text_bytes - 1, signature, bytes))
		return true;
	return refuse(why, "its signature is wrong");
}

/* ---- the claims ---- */

/* A NumericDate, which may have a fraction. */
static bool
read_time(struct json_object *value, int64_t *ret_s)
{
	double seconds;

	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return false;
	seconds = json_object_get_double(value);
	if (!(seconds >= 0 && seconds <= MAX_TIME))
		return false;
	*ret_s = (int64_t)seconds;
	return true;
}

static bool
is_audience(struct json_object *value, const char *audience)
{
	const char *text = text_of(value);
	size_t i;

	if (text != NULL)
		return strcmp(text, audience) == 0;
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (i = 0; i < json_object_array_length(value); i++) {
		text = text_of(json_object_array_get_idx(value, i));
		if (text != NULL && strcmp(text, audience) == 0)
			return true;
	}
	return false;
}

static bool
read_subject(struct json_object *value, char *ret_subject)
{
	const char *text = text_of(value);
	size_t i, n = text == NULL ? 0 : strlen(text);

	if (n == 0 || n >= WB_JWT_SUBJECT_BYTES)
		return false;
	for (i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	memcpy(ret_subject, text, n + 1);
	return true;
}

static bool
read_roles(struct json_object *value, unsigned *ret_roles)
{
	static const struct {
		const char *text;
		unsigned bit;
	} roles[] = {
#define X(name, bit, text) { text, bit },
		WB_ROLE_TABLE(X)
#undef X
	};
	const char *text;
	size_t i, j;

	if (!json_object_is_type(value, json_type_array))
		return false;
	for (i = 0; i < json_object_array_length(value); i++) {
		text = text_of(json_object_array_get_idx(value, i));
		if (text == NULL)
			return false;
		for (j = 0; j < WB_ARRAY_LEN(roles); j++) {
			if (strcmp(text, roles[j].text) == 0)
				*ret_roles |= roles[j].bit;
		}
	}
	return true;
}

/* What is wrong with them, or NULL. */
static const char *
read_claims(struct json_object *json, const struct wb_jwt_rules *rules,
            struct wb_jwt_claims *claims)
{
	const char *issuer = text_of(member(json, "iss"));

	if (issuer == NULL || strcmp(issuer, rules->issuer) != 0)
		return "it is from another issuer";
	if (!is_audience(member(json, "aud"), rules->audience))
		return "it is for another audience";
	if (!read_time(member(json, "exp"), &claims->expires_s))
		return "its exp is missing or no time";
	if (json_object_object_get_ex(json, "nbf", NULL) &&
	    !read_time(member(json, "nbf"), &claims->not_before_s))
		return "its nbf is no time";
	if (!read_subject(member(json, "sub"), claims->subject))
		return "its sub is missing or malformed";
	if (json_object_object_get_ex(json, "roles", NULL) &&
	    !read_roles(member(json, "roles"), &claims->roles))
		return "its roles are no array of strings";
	return NULL;
}

bool
wb_jwt_is_current(const struct wb_jwt_rules *rules, int64_t now_s,
                  const struct wb_jwt_claims *claims, struct wb_note *why)
{
	if (now_s >= claims->expires_s + rules->leeway_s)
		return refuse(why, "it has expired");
	if (now_s < claims->not_before_s - rules->leeway_s)
		return refuse(why, "it is not valid yet");
	return true;
}

bool
wb_jwt_verify(const struct wb_jwks *jwks, const struct wb_jwt_rules *rules,
              int64_t now_s, const char *token, size_t token_bytes,
              struct wb_jwt_claims *ret_claims, struct wb_note *why)
{
	struct wb_jwt_claims claims = { .roles = 0 };
	struct json_object *json;
	struct parts parts;
	const char *fault;

	why->text[0] = '\0';
	if (token_bytes > WB_JWT_MAX_BYTES)
		return refuse(why, "it is too long");
	if (!split(token, token_bytes, &parts))
		return refuse(why, "it has not three parts");
	if (!verify_signature(jwks, &parts, why))
		return false;
	json = parse(parts.payload, parts.payload_bytes);
	if (json == NULL)
		return refuse(why, "its claims can't be read");
	fault = read_claims(json, rules, &claims);
	json_object_put(json);
	if (fault != NULL)
		return refuse(why, fault);
	if (!wb_jwt_is_current(rules, now_s, &claims, why))
		return false;
	*ret_claims = claims;
	return true;
}
