#include "auth/jwt_cache.h"

#include "base/mem.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#define N_SLOTS 1024 /* a power of two */

struct wb_jwt_cache {
	struct slot {
		bool is_taken;
		unsigned char digest[WB_JWT_DIGEST_BYTES];
		struct wb_jwt_claims claims;
	} slots[N_SLOTS];
};

void
wb_jwt_cache_free(struct wb_jwt_cache *cache)
{
	free(cache);
}

struct wb_jwt_cache *
wb_jwt_cache_new(void)
{
	return wb_zalloc(sizeof(struct wb_jwt_cache));
}

void
wb_jwt_cache_clear(struct wb_jwt_cache *cache)
{
	memset(cache, 0, sizeof(*cache));
}

void
wb_jwt_digest(const char *token, size_t bytes,
              unsigned char ret_digest[WB_JWT_DIGEST_BYTES])
{
	/* Of these arguments, it fails without memory only. */
	if (EVP_Digest(token, bytes, ret_digest, NULL, EVP_sha256(), NULL) != 1)
		(void)wb_made(NULL);
}

static size_t
index_of(const unsigned char digest[WB_JWT_DIGEST_BYTES])
{
	return ((size_t)digest[0] << 8 | digest[1]) & (N_SLOTS - 1);
}

const struct wb_jwt_claims *
wb_jwt_cache_find(const struct wb_jwt_cache *cache,
                  const unsigned char digest[WB_JWT_DIGEST_BYTES])
{
	const struct slot *slot = &cache->slots[index_of(digest)];

	if (slot->is_taken &&
	    memcmp(slot->digest, digest, WB_JWT_DIGEST_BYTES) == 0)
		return &slot->claims;
	return NULL;
}

void
wb_jwt_cache_add(struct wb_jwt_cache *cache,
                 const unsigned char digest[WB_JWT_DIGEST_BYTES],
                 const struct wb_jwt_claims *claims)
{
	struct slot *slot = &cache->slots[index_of(digest)];

	slot->is_taken = true;
	memcpy(slot->digest, digest, WB_JWT_DIGEST_BYTES);
	slot->claims = *claims;
}
