/* GET /openapi.yaml and GET /docs: the contract of the whole API, and a page
 * made of it; both are in the program (see CMakeLists.txt). */
#include "routes.h"

/* A release may change them. */
#define CACHE "max-age=300"

extern const unsigned char openapi_yaml[], openapi_html[];
extern const size_t openapi_yaml_bytes, openapi_html_bytes;

void
get_contract(struct wb_http_request *request, void *arg)
{
	(void)arg;
	wb_http_set_header(request, "Cache-Control", CACHE);
	wb_http_reply(request, 200, "application/yaml", openapi_yaml,
	              openapi_yaml_bytes);
}

void
get_docs(struct wb_http_request *request, void *arg)
{
	(void)arg;
	wb_http_set_header(request, "Cache-Control", CACHE);
	/* It needs its own style, and must load nothing. */
	wb_http_set_header(request, "Content-Security-Policy",
	                   "default-src 'none'; style-src 'unsafe-inline'; "
	                   "frame-ancestors 'none'");
	wb_http_set_header(request, "X-Content-Type-Options", "nosniff");
	wb_http_reply(request, 200, "text/html; charset=utf-8", openapi_html,
	              openapi_html_bytes);
}
