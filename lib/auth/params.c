/* The parameters of who may do what. */
#include "auth/auth.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct wb_auth_params, name)

const struct wb_param wb_auth_params_table[] = {
	{ .name = "auth-keys",
	  .type = WB_PARAM_TEXT,
	  FIELD(keys),
	  .def = "",
	  .min = 0,
	  .max = 4096,
	  .unit = "",
	  .help =
	      "JWKS file with the keys that tokens are checked with (RS256, "
	      "ES256, EdDSA, HS256); empty: no token is needed, and only "
	      "a loopback address can be listened on" },
	{ .name = "auth-issuer",
	  .type = WB_PARAM_TEXT,
	  FIELD(issuer),
	  .def = "",
	  .min = 0,
	  .max = 1024,
	  .unit = "",
	  .help = "what a token's iss must be; needed with auth-keys" },
	{ .name = "auth-audience",
	  .type = WB_PARAM_TEXT,
	  FIELD(audience),
	  .def = "waybill",
	  .min = 1,
	  .max = 1024,
	  .unit = "",
	  .help = "what a token's aud must be or contain" },
	{ .name = "auth-leeway-s",
	  .type = WB_PARAM_INT,
	  FIELD(leeway_s),
	  .def = "30",
	  .min = 0,
	  .max = 600,
	  .unit = "s",
	  .help = "by how much the issuer's clock may differ from ours" },
	{ .name = "auth-reload-ms",
	  .type = WB_PARAM_INT,
	  FIELD(reload_ms),
	  .def = "5000",
	  .min = 10,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "how often is looked whether auth-keys has changed" },
};

const size_t wb_auth_params_count = WB_ARRAY_LEN(wb_auth_params_table);
