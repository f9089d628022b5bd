/* A set of keys (RFC 7517 section 5): {"keys":[…]}. Keys that can't be used are
 * left out, as the RFC has it, since an identity provider's set holds others,
 * too. */
#ifndef WB_AUTH_JWKS_H
#define WB_AUTH_JWKS_H

#include "auth/jwk.h"

struct wb_jwks;

void wb_jwks_free(struct wb_jwks *jwks); /* NULL is fine */

/* NULL and a note when the text is no such set, two keys share a kid, or none
 * can be used (then the note has the last one's reason). */
struct wb_jwks *wb_jwks_parse(const char *text, size_t bytes,
                              struct wb_note *note) WB_OWNED_BY(wb_jwks_free);

size_t wb_jwks_count(const struct wb_jwks *jwks);

/* How many were left out. */
size_t wb_jwks_left_out(const struct wb_jwks *jwks);

/* NULL: there is no such key. */
const struct wb_jwk *wb_jwks_find(const struct wb_jwks *jwks, const char *id);

#endif
