/* Tokens whose signature was found right, by their SHA-256: a client sends the
 * same one again and again, and a public-key check costs more than all else
 * that a request needs. Fixed size; a newer token takes an older one's place.
 */
#ifndef WB_AUTH_JWT_CACHE_H
#define WB_AUTH_JWT_CACHE_H

#include "auth/jwt.h"

#define WB_JWT_DIGEST_BYTES 32

struct wb_jwt_cache;

void wb_jwt_cache_free(struct wb_jwt_cache *cache);
struct wb_jwt_cache *wb_jwt_cache_new(void) WB_OWNED_BY(wb_jwt_cache_free);

/* The keys have changed. */
void wb_jwt_cache_clear(struct wb_jwt_cache *cache);

void wb_jwt_digest(const char *token, size_t bytes,
                   unsigned char ret_digest[WB_JWT_DIGEST_BYTES]);

/* NULL: not there. Whether it is still valid is not looked at. */
const struct wb_jwt_claims *
wb_jwt_cache_find(const struct wb_jwt_cache *cache,
                  const unsigned char digest[WB_JWT_DIGEST_BYTES]);

void wb_jwt_cache_add(struct wb_jwt_cache *cache,
                      const unsigned char digest[WB_JWT_DIGEST_BYTES],
                      const struct wb_jwt_claims *claims);

#endif
