/* Telling the service manager (systemd, Type=notify) how the process is doing:
 * READY, STOPPING, and a sign of life from the loop. Without $NOTIFY_SOCKET all
 * of it does nothing. Source: sd_notify(3), sd_watchdog_enabled(3). */
#ifndef WB_SERVICE_NOTIFY_H
#define WB_SERVICE_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "loop/loop.h"

/* Embedded in its owner. */
struct wb_notify {
	int fd; /* -1: nobody to tell */
	struct sockaddr_un to;
	socklen_t to_bytes;
	struct wb_timer timer; /* of the next sign of life */
	int64_t interval_us;   /* 0: none is wanted */
};

/* Reads NOTIFY_SOCKET (a path, or @ and an abstract name), WATCHDOG_USEC and
 * WATCHDOG_PID. From now on a sign of life goes out whenever half of
 * WATCHDOG_USEC has passed and the loop turns. An address of another kind is
 * logged and nobody is told. */
void wb_notify_init(struct wb_notify *notify, struct wb_loop *loop);
void wb_notify_fini(struct wb_notify *notify);

/* Sends "READY=1" or the like. Never blocks: what the manager has no room for
 * is logged and lost. */
void wb_notify_tell(const struct wb_notify *notify, const char *state);

#endif
