#include "auth/auth.h"

#include "auth/jwt_cache.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AUTH_MAGIC     0x41555448u
#define MAX_FILE_BYTES ((size_t)256 * 1024)

/* What tells one state of a file from another. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t bytes;
	struct timespec changed;
};

struct wb_auth {
	unsigned magic;
	const struct wb_auth_params *params;
	struct wb_jwt_rules rules;
	struct wb_jwks *jwks;
	struct wb_jwt_cache *cache;
	struct stamp stamp; /* of what was read last, well or not */
	struct wb_timer timer;
};

/* ---- the file ---- */

static struct stamp
stamp_of(const struct stat *status)
{
	return (struct stamp){
		.device = status->st_dev,
		.inode = status->st_ino,
		.bytes = status->st_size,
		.changed = status->st_mtim,
	};
}

static bool
is_same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->bytes == b->bytes && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

/* All of it: owned by the caller; NULL and errno. The stamp is taken before, so
 * that what is written meanwhile is read at the next look. */
static char *
read_file(const char *path, struct stamp *ret_stamp, size_t *ret_bytes)
{
	/* A FIFO must not block. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = wb_zalloc(MAX_FILE_BYTES);
	struct stat status;
	size_t used = 0;
	ssize_t n = -1;

	if (fd < 0 || fstat(fd, &status) != 0)
		goto fail;
	*ret_stamp = stamp_of(&status);
	while (used < MAX_FILE_BYTES &&
	       (n = read(fd, text + used, MAX_FILE_BYTES - used)) > 0)
		used += (size_t)n;
	if (used == MAX_FILE_BYTES)
		errno = EFBIG;
	if (n != 0)
		goto fail;
	(void)close(fd);
	*ret_bytes = used;
	return text;
fail:
	if (fd >= 0)
		(void)close(fd);
	free(text);
	return NULL;
}

static enum wb_err
load(struct wb_auth *auth, struct wb_note *note)
{
	const char *path = auth->params->keys;
	struct wb_note why = { "" };
	struct wb_jwks *jwks;
	size_t bytes = 0;
	char *text = read_file(path, &auth->stamp, &bytes);

	if (text == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "auth-keys=\"%s\" why=\"%s\"", path,
		               strerror(errno));
	jwks = wb_jwks_parse(text, bytes, &why);
	free(text);
	if (jwks == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "auth-keys=\"%s\" why=\"no usable set of keys: "
		               "%s\"",
		               path, why.text);
	wb_jwks_free(auth->jwks);
	auth->jwks = jwks;
	wb_jwt_cache_clear(auth->cache);
	wb_log_info(WB_LOG_AUTH_KEYS, "file=\"%s\" keys=%zu left_out=%zu", path,
	            wb_jwks_count(jwks), wb_jwks_left_out(jwks));
	return WB_OK;
}

/* A file that is wrong or gone changes nothing: who rotates keys may be about
 * to put the next one there. */
static void
on_timer(void *arg)
{
	struct stamp stamp = { 0 };
	struct wb_note note = { "" };
	struct wb_auth *auth;
	struct stat status;

	WB_CAST(auth, arg, AUTH_MAGIC);
	if (stat(auth->params->keys, &status) == 0)
		stamp = stamp_of(&status);
	if (!is_same(&stamp, &auth->stamp)) {
		auth->stamp = stamp;
		if (load(auth, &note) != WB_OK)
			wb_log_warn(WB_LOG_AUTH_KEYS,
			            "%s then=\"the keys of before stay\"",
			            note.text);
	}
	wb_timer_start_ms(&auth->timer, auth->params->reload_ms);
}

/* ---- life ---- */

void
wb_auth_free(struct wb_auth *auth)
{
	if (auth == NULL)
		return;
	wb_timer_fini(&auth->timer);
	wb_jwks_free(auth->jwks);
	wb_jwt_cache_free(auth->cache);
	auth->magic = 0;
	free(auth);
}

static bool
is_loopback(const char *listen)
{
	static const char ipv4[] = "127.", ipv6[] = "[::1]:";

	return strncmp(listen, ipv4, sizeof(ipv4) - 1) == 0 ||
	       strncmp(listen, ipv6, sizeof(ipv6) - 1) == 0;
}

static enum wb_err
go_without(const char *listen, struct wb_note *note)
{
	if (!is_loopback(listen))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "listen=\"%s\" why=\"without auth-keys "
		               "everybody could do everything: only a loopback "
		               "address is allowed\"",
		               listen);
	wb_log_warn(WB_LOG_AUTH_OPEN, "listen=%s", listen);
	return WB_OK;
}

enum wb_err
wb_auth_open(struct wb_loop *loop, const struct wb_auth_params *params,
             const char *listen, struct wb_auth **ret_auth,
             struct wb_note *note)
{
	struct wb_auth *auth;
	enum wb_err err;

	*ret_auth = NULL;
	if (params->keys[0] == '\0')
		return go_without(listen, note);
	if (params->issuer[0] == '\0')
		return wb_fail(
		    note, WB_ERR_BAD_CONFIG,
		    "auth-issuer=\"\" why=\"needed with auth-keys\"");
	auth = wb_zalloc(sizeof(*auth));
	auth->magic = AUTH_MAGIC;
	auth->params = params;
	auth->rules = (struct wb_jwt_rules){
		.issuer = params->issuer,
		.audience = params->audience,
		.leeway_s = params->leeway_s,
	};
	auth->cache = wb_jwt_cache_new();
	wb_timer_init(&auth->timer, loop, on_timer, auth);
	err = load(auth, note);
	if (err != WB_OK) {
		wb_auth_free(auth);
		return err;
	}
	wb_timer_start_ms(&auth->timer, params->reload_ms);
	*ret_auth = auth;
	return WB_OK;
}

/* ---- tokens ---- */

bool
wb_auth_check(struct wb_auth *auth, const char *token,
              struct wb_caller *ret_caller, struct wb_note *why)
{
	unsigned char digest[WB_JWT_DIGEST_BYTES];
	struct wb_caller caller = { .is_customer_id = false };
	const struct wb_jwt_claims *known;
	int64_t now_s = wb_wall_us() / 1000000;
	size_t bytes = strlen(token);

	wb_jwt_digest(token, bytes, digest);
	known = wb_jwt_cache_find(auth->cache, digest);
	if (known != NULL) {
		if (!wb_jwt_is_current(&auth->rules, now_s, known, why))
			return false;
		caller.claims = *known;
	} else {
		if (!wb_jwt_verify(auth->jwks, &auth->rules, now_s, token,
		                   bytes, &caller.claims, why))
			return false;
		wb_jwt_cache_add(auth->cache, digest, &caller.claims);
	}
	caller.is_customer_id =
	    wb_uuid_parse(caller.claims.subject, &caller.customer_id);
	*ret_caller = caller;
	return true;
}
