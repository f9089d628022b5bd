/* Whom a request comes from: bearer tokens checked against the keys of a JWKS
 * file, which is read again when it changes (a stat(2) now and then and, if
 * something did change, a read of a small local file: the loop waits for
 * nothing else). */
#ifndef WB_AUTH_AUTH_H
#define WB_AUTH_AUTH_H

#include "auth/jwt.h"
#include "base/params.h"
#include "base/uuid.h"
#include "loop/loop.h"

/* Filled from wb_auth_params_table. */
struct wb_auth_params {
	char *keys; /* path; "" = no keys: everybody may do everything */
	char *issuer;
	char *audience;
	int64_t leeway_s;
	int64_t reload_ms;
};

extern const struct wb_param wb_auth_params_table[];
extern const size_t wb_auth_params_count;

struct wb_auth;

void wb_auth_free(struct wb_auth *auth); /* NULL is fine */

/* Without keys: *ret_auth is NULL, a warning in the log says so, and listen
 * ("127.0.0.1:8081", valid) must be a loopback address. Also BAD_CONFIG with a
 * note: keys that can't be read, no issuer. params must outlive it. */
enum wb_err wb_auth_open(struct wb_loop *loop,
                         const struct wb_auth_params *params,
                         const char *listen, struct wb_auth **ret_auth,
                         struct wb_note *note) WB_MUST_USE;

struct wb_caller {
	struct wb_jwt_claims claims;
	bool is_customer_id; /* the subject is a UUID: */
	struct wb_uuid customer_id;
};

/* token: what follows "Bearer ". False and why not, in words for the client. */
bool wb_auth_check(struct wb_auth *auth, const char *token,
                   struct wb_caller *ret_caller,
                   struct wb_note *why) WB_MUST_USE;

#endif
