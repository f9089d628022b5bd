/* The frame of every process: parameters, log, loop, signals, the port for
 * /health, /ready and /metrics, and draining on SIGTERM. */
#ifndef WB_SERVICE_SERVICE_H
#define WB_SERVICE_SERVICE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/params.h"
#include "loop/loop.h"

/* Calls back once everything in hand is finished. */
typedef void (*wb_service_drained_fn)(void);

struct wb_service {
	const char *name;  /* process name, "inventory" */
	const char *usage; /* a sentence for --help */
	/* The process's own parameters, filled before start. */
	const struct wb_param_set *params;
	size_t n_params;
	/* NULL, or: does the one thing that the parameters ask for instead of
	 * running, and returns true with the exit status; false: run. */
	bool (*instead)(int *ret_status);
	/* Builds everything; WB_OK or an error with a note (exit status 2 for
	 * BAD_CONFIG, else 1). */
	enum wb_err (*start)(struct wb_loop *loop, struct wb_note *note);
	/* Told to stop (SIGTERM, SIGINT): take no new work, finish what is in
	 * hand, then call drained. Past drain-timeout-ms the process leaves
	 * anyway; a second signal leaves at once. */
	void (*drain)(wb_service_drained_fn drained);
	/* Frees everything; also what a start that failed has built. */
	void (*stop)(void);
};

/* main() of every process: returns the exit status: 0 after a finished drain
 * (and after --help and the like), 1 when it failed, did not finish in time or
 * was told twice, 2 for wrong parameters. Adds the parameters log-level,
 * admin-listen, drain-timeout-ms, config. The admin port serves
 * GET /health (200 while the loop turns), /ready (200 or 503 with each
 * dependency's state) and /metrics. A service manager that gave NOTIFY_SOCKET
 * is told when the process is up and when it drains; with WATCHDOG_USEC it gets
 * a sign of life from the loop twice in that time. */
int wb_service_main(const struct wb_service *service, int argc, char **argv);

/* The name for connections and application_name: "inventory@host:pid". */
const char *wb_service_instance(void);

#endif
