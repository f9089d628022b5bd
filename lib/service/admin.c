#include "service/admin.h"

#include "base/health.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "http/server.h"
#include "service/process_metrics.h"

#include <stdlib.h>

struct wb_admin {
	struct wb_http_params params;
	struct wb_http_server *server;
};

static void
get_health(struct wb_http_request *request, void *arg)
{
	static const char body[] = "{\"status\":\"ok\"}";

	(void)arg;
	wb_http_reply_json(request, 200, body, sizeof(body) - 1);
}

static void
get_ready(struct wb_http_request *request, void *arg)
{
	struct wb_buf body = { .data = NULL };

	(void)arg;
	wb_health_print(&body);
	wb_http_set_header(request, "Cache-Control", "no-store");
	wb_http_reply_json(request, wb_health_all_ready() ? 200 : 503,
	                   body.data, body.len);
	wb_buf_fini(&body);
}

static void
get_metrics(struct wb_http_request *request, void *arg)
{
	struct wb_buf body = { .data = NULL };

	(void)arg;
	wb_metrics_print(&body);
	wb_process_metrics_print(&body);
	wb_http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8",
	              body.data, body.len);
	wb_buf_fini(&body);
}

static const struct wb_http_route routes[] = {
	{ .method = "GET", .path = "/health", .handle = get_health },
	{ .method = "GET", .path = "/ready", .handle = get_ready },
	{ .method = "GET", .path = "/metrics", .handle = get_metrics },
	{ .method = NULL },
};

struct wb_admin *
wb_admin_new(struct wb_loop *loop, char *listen, struct wb_note *note)
{
	struct wb_admin *admin = wb_zalloc(sizeof(*admin));

	/* For a few probes and scrapers. */
	admin->params = (struct wb_http_params){
		.listen = listen,
		.max_body_bytes = 1024,
		.max_header_bytes = 16384,
		.max_connections = 64,
		.read_deadline_ms = 5000,
		.reply_deadline_ms = 5000,
		.idle_timeout_ms = 75000,
	};
	admin->server =
	    wb_http_server_new(loop, &admin->params, routes, admin, note);
	if (admin->server == NULL) {
		free(admin);
		return NULL;
	}
	return admin;
}

void
wb_admin_free(struct wb_admin *admin)
{
	if (admin == NULL)
		return;
	wb_http_server_free(admin->server);
	free(admin);
}

uint16_t
wb_admin_port(const struct wb_admin *admin)
{
	return wb_http_server_port(admin->server);
}
