/* One JSON Web Key (RFC 7517, 7518, 8037) for checking signatures. Its type
 * decides the only algorithm that it serves: a token can't choose (RFC 8725).
 *   oct          HS256   at least 32 bytes
 *   RSA          RS256   2048 to 8192 bits
 *   EC  P-256    ES256
 *   OKP Ed25519  EdDSA */
#ifndef WB_AUTH_JWK_H
#define WB_AUTH_JWK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct json_object;
struct wb_jwk;

void wb_jwk_free(struct wb_jwk *jwk); /* NULL is fine */

/* NULL and a note with the reason for what can't be used. Private keys are
 * refused, too: who only checks tokens must not be able to make any. */
struct wb_jwk *wb_jwk_new(struct json_object *json, struct wb_note *note)
    WB_OWNED_BY(wb_jwk_free);

const char *wb_jwk_id(const struct wb_jwk *jwk);        /* its "kid" */
const char *wb_jwk_algorithm(const struct wb_jwk *jwk); /* "ES256" */

/* Whether the signature (as in the token: ES256's is r and s, 64 bytes) fits
 * the text. */
bool wb_jwk_verify(const struct wb_jwk *jwk, const void *text,
                   size_t text_bytes, const void *signature,
                   size_t signature_bytes) WB_MUST_USE;

#endif
