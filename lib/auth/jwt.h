/* A JSON Web Token in compact form (RFC 7519) as RFC 8725 wants it checked: the
 * key named by its kid decides the algorithm, and nothing in it is believed,
 * nor its claims looked at, before the signature is. */
#ifndef WB_AUTH_JWT_H
#define WB_AUTH_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/jwks.h"
#include "auth/role.h"

#define WB_JWT_MAX_BYTES     8192
#define WB_JWT_SUBJECT_BYTES 129 /* with the NUL */

struct wb_jwt_rules {
	const char *issuer, *audience; /* what "iss" and "aud" must say */
	int64_t leeway_s;              /* for clocks that differ */
};

struct wb_jwt_claims {
	char subject[WB_JWT_SUBJECT_BYTES]; /* printable ASCII, not empty */
	unsigned roles;                  /* WB_ROLE_…; unknown ones: none */
	int64_t not_before_s, expires_s; /* the leeway is not in them */
};

/* False and the reason in a few words, without anything of the token in them.
 * now_s: wall clock, Unix seconds. Checks "crit" (nothing is understood),
 * "typ" (JWT, at+jwt or none), kid, alg, the signature, and of the claims iss,
 * aud, exp, nbf (if there), sub and roles (if there: an array of strings). */
bool wb_jwt_verify(const struct wb_jwks *jwks, const struct wb_jwt_rules *rules,
                   int64_t now_s, const char *token, size_t token_bytes,
                   struct wb_jwt_claims *ret_claims,
                   struct wb_note *why) WB_MUST_USE;

/* The part of it that changes with time. */
bool wb_jwt_is_current(const struct wb_jwt_rules *rules, int64_t now_s,
                       const struct wb_jwt_claims *claims,
                       struct wb_note *why) WB_MUST_USE;

#endif
