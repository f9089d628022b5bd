/* The life of a process: STARTING, RUNNING, DRAINING, and out. */
#include "service/service.h"

#include "base/health.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/server.h"
#include "service/admin.h"
#include "service/notify.h"
#include "service/process_metrics.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG_CONFIG = 2 };

struct frame_params {
	char *log_level;
	char *admin_listen;
	int64_t drain_timeout_ms;
};

/* The one of this process: signals and `drained` carry no argument. */
static struct frame {
	const struct wb_service *service;
	struct frame_params params;
	struct wb_loop *loop;
	struct wb_admin *admin;
	struct wb_notify notify;
	struct wb_timer drain_timer;
	struct wb_health *health;
	bool is_draining;
	int status;
	char instance[192];
} frame;

#define FIELD(name) .offset = offsetof(struct frame_params, name)

static const struct wb_param frame_table[] = {
	{ .name = "log-level",
	  .type = WB_PARAM_TEXT,
	  FIELD(log_level),
	  .def = "info",
	  .min = 1,
	  .max = 16,
	  .unit = "",
	  .help = "error, warn, info or debug" },
	{ .name = "admin-listen",
	  .type = WB_PARAM_TEXT,
	  FIELD(admin_listen),
	  .def = "127.0.0.1:0",
	  .min = 1,
	  .max = 256,
	  .unit = "",
	  .help = "numeric address and port for /health, /ready and "
	          "/metrics; port 0 = any, named in the log line WB-START" },
	{ .name = "drain-timeout-ms",
	  .type = WB_PARAM_INT,
	  FIELD(drain_timeout_ms),
	  .def = "20000",
	  .min = 0,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "after SIGTERM, for what is in hand to finish" },
};

const char *
wb_service_instance(void)
{
	return frame.instance;
}

static void
name_instance(void)
{
	char host[128] = "localhost";

	(void)gethostname(host, sizeof(host));
	host[sizeof(host) - 1] = '\0';
	(void)snprintf(frame.instance, sizeof(frame.instance), "%.48s@%s:%ld",
	               frame.service->name, host, (long)getpid());
}

static bool
parse_level(const char *text, enum wb_log_level *ret_level)
{
	static const char *const names[] = {
		[WB_LOG_ERROR] = "error",
		[WB_LOG_WARN] = "warn",
		[WB_LOG_INFO] = "info",
		[WB_LOG_DEBUG] = "debug",
	};
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(names); i++) {
		if (strcmp(names[i], text) == 0) {
			*ret_level = (enum wb_log_level)i;
			return true;
		}
	}
	wb_params_complain("log-level", text, "error, warn, info or debug");
	return false;
}

/* Ends the loop. */
static void
leave(int status)
{
	frame.status = status;
	wb_loop_stop(frame.loop);
}

static void
on_drained(void)
{
	leave(EXIT_DONE);
}

static void
on_drain_timeout(void *arg)
{
	(void)arg;
	wb_log_warn(WB_LOG_DRAIN, "why=\"not drained in time\" after_ms=%lld",
	            (long long)frame.params.drain_timeout_ms);
	leave(EXIT_FAILED);
}

static void
on_signal(void *arg)
{
	(void)arg;
	if (frame.is_draining) {
		wb_log_warn(WB_LOG_DRAIN, "why=\"told again\"");
		leave(EXIT_FAILED);
		return;
	}
	frame.is_draining = true;
	wb_log_info(WB_LOG_DRAIN, "timeout_ms=%lld",
	            (long long)frame.params.drain_timeout_ms);
	wb_health_set(frame.health, false, "draining");
	wb_notify_tell(&frame.notify, "STOPPING=1");
	wb_timer_start_ms(&frame.drain_timer, frame.params.drain_timeout_ms);
	frame.service->drain(on_drained);
}

static int
fail_start(enum wb_err err, const char *why)
{
	wb_log_error(err == WB_ERR_BAD_CONFIG ? WB_LOG_CONFIG : WB_LOG_STOP,
	             "err=%s %s", wb_err_name(err), why);
	return err == WB_ERR_BAD_CONFIG ? EXIT_WRONG_CONFIG : EXIT_FAILED;
}

static int
start_and_run(void)
{
	struct wb_note note = { "" };
	enum wb_err err;

	err = wb_http_listen_check(frame.params.admin_listen, &note);
	if (err != WB_OK)
		return fail_start(err, note.text);
	frame.admin =
	    wb_admin_new(frame.loop, frame.params.admin_listen, &note);
	if (frame.admin == NULL)
		return fail_start(WB_ERR_IO, note.text);
	err = frame.service->start(frame.loop, &note);
	if (err != WB_OK)
		return fail_start(err, note.text);
	wb_log_info(WB_LOG_START, "version=%s instance=%s admin_port=%u",
	            WB_VERSION, frame.instance,
	            (unsigned)wb_admin_port(frame.admin));
	wb_health_set(frame.health, true, "started");
	wb_notify_tell(&frame.notify, "READY=1");
	wb_loop_run(frame.loop);
	return frame.status;
}

static int
run(void)
{
	int status;

	frame.loop = wb_loop_new();
	frame.health = wb_health("process");
	wb_timer_init(&frame.drain_timer, frame.loop, on_drain_timeout, &frame);
	wb_notify_init(&frame.notify, frame.loop);
	wb_loop_on_signal(frame.loop, SIGTERM, on_signal, &frame);
	wb_loop_on_signal(frame.loop, SIGINT, on_signal, &frame);
	status = start_and_run();
	frame.service->stop();
	wb_admin_free(frame.admin);
	wb_notify_fini(&frame.notify);
	wb_timer_fini(&frame.drain_timer);
	wb_loop_free(frame.loop);
	wb_log_info(WB_LOG_STOP, "status=%d", status);
	return status;
}

static int
load_and_run(const struct wb_param_set *sets, size_t n_sets, int argc,
             char **argv)
{
	enum wb_log_level level;
	int status;

	switch (wb_params_load(sets, n_sets, frame.service->usage, argc, argv,
	                       NULL)) {
	case WB_PARAMS_SHOWN:
		return EXIT_DONE;
	case WB_PARAMS_WRONG:
		return EXIT_WRONG_CONFIG;
	case WB_PARAMS_RUN:
		break;
	}
	if (!parse_level(frame.params.log_level, &level))
		return EXIT_WRONG_CONFIG;
	wb_log_setup(frame.service->name, level);
	if (frame.service->instead != NULL && frame.service->instead(&status))
		return status;
	return run();
}

int
wb_service_main(const struct wb_service *service, int argc, char **argv)
{
	struct wb_param_set *sets =
	    wb_zalloc((service->n_params + 1) * sizeof(*sets));
	size_t i;
	int status;

	frame.service = service;
	name_instance();
	wb_process_metrics_setup(service->name);
	for (i = 0; i < service->n_params; i++)
		sets[i] = service->params[i];
	sets[i] = (struct wb_param_set){
		.params = frame_table,
		.n_params = WB_ARRAY_LEN(frame_table),
		.target = &frame.params,
	};
	status = load_and_run(sets, service->n_params + 1, argc, argv);
	wb_params_free(sets, service->n_params + 1);
	free(sets);
	return status;
}
