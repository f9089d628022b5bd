/* Whether the caller may take a route: tokens, roles, 401 and 403 (RFC 6750).
 */
#include "http/internal.h"

#include "auth/auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REALM "Bearer realm=\"waybill\""

/* What follows "Bearer ", or NULL. */
static const char *
bearer_of(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (authorization == NULL ||
	    strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	authorization += sizeof(scheme) - 1;
	return authorization + strspn(authorization, " ");
}

static void
answer_unknown(struct wb_http_request *request, const char *why)
{
	struct wb_arena *arena = request->conn->arena;

	if (why == NULL) {
		wb_http_set_header(request, "WWW-Authenticate", REALM);
		wb_http_problem(request, 401, NULL,
		                "This needs a bearer token in Authorization.");
		return;
	}
	wb_http_set_header(request, "WWW-Authenticate",
	                   wb_arena_printf(arena,
	                                   REALM ", error=\"invalid_token\", "
	                                         "error_description=\"%s\"",
	                                   why));
	wb_http_problem(
	    request, 401, NULL,
	    wb_arena_printf(arena, "The token is refused: %s.", why));
}

static void
answer_forbidden(struct wb_http_request *request, const char *detail)
{
	wb_http_set_header(request, "WWW-Authenticate",
	                   REALM ", error=\"insufficient_scope\"");
	wb_http_problem(request, 403, NULL, detail);
}

/* False: answered. */
static bool
identify(struct wb_http_request *request, struct wb_caller *ret_caller)
{
	const char *token = bearer_of(wb_http_header(request, "Authorization"));
	struct wb_note why = { "" };

	if (wb_http_header_count(request, "Authorization") > 1) {
		answer_unknown(request, "there is more than one Authorization");
	} else if (token == NULL) {
		answer_unknown(request, NULL);
	} else if (!wb_auth_check(request->conn->server->auth, token,
	                          ret_caller, &why)) {
		answer_unknown(request, why.text);
	} else {
		return true;
	}
	return false;
}

bool
wb_http_admit(struct wb_http_request *request)
{
	const struct wb_http_route *route = request->match.route;
	struct wb_caller caller;
	unsigned fitting;

	if (request->conn->server->auth == NULL ||
	    (route->roles & WB_ROLE_ANYONE) != 0)
		return true;
	if (!identify(request, &caller))
		return false;
	fitting = caller.claims.roles & route->roles;
	if (fitting == 0) {
		answer_forbidden(request,
		                 "The token's roles do not allow this.");
		return false;
	}
	if (fitting == WB_ROLE_CUSTOMER && !caller.is_customer_id) {
		answer_forbidden(request, "The token's subject is no "
		                          "customer's id, which is a UUID.");
		return false;
	}
	request->token =
	    wb_arena_alloc(request->conn->arena, sizeof(*request->token));
	*request->token = caller;
	request->caller = request->token->claims.subject;
	return true;
}

const struct wb_uuid *
wb_http_only_customer(const struct wb_http_request *request)
{
	const struct wb_caller *caller = request->token;

	if (caller == NULL || (caller->claims.roles & WB_ROLE_OPERATOR) != 0)
		return NULL;
	return &caller->customer_id;
}

void
wb_http_refuse_customer(struct wb_http_request *request)
{
	answer_forbidden(request, "The token is that of another customer.");
}

void
wb_http_server_protect(struct wb_http_server *server, struct wb_auth *auth)
{
	const struct wb_http_route *route;

	for (route = server->routes; route->method != NULL; route++)
		WB_ASSERT(route->roles != 0);
	server->auth = auth;
}
