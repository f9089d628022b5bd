/* Keys and tokens for tests: what an identity provider would make. */
#ifndef WB_TESTS_TOKEN_MAKER_H
#define WB_TESTS_TOKEN_MAKER_H

#include "base/buf.h"

struct wb_test_key;

void wb_test_key_free(struct wb_test_key *key);

/* algorithm: HS256, RS256, ES256 or EdDSA. */
struct wb_test_key *wb_test_key_new(const char *algorithm)
    WB_OWNED_BY(wb_test_key_free);

/* Appends the members of its JWK that are the key itself, without braces:
 * "kty":"OKP","crv":"Ed25519","x":"…" */
void wb_test_key_print(const struct wb_test_key *key, struct wb_buf *buf);

/* Appends header.claims.signature for these JSON texts. */
void wb_test_token_print(const struct wb_test_key *key, const char *header,
                         const char *claims, size_t claims_bytes,
                         struct wb_buf *buf);

void wb_test_base64url(const void *data, size_t bytes, struct wb_buf *buf);

#endif
