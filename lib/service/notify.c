/* One datagram per message, as sd_notify sends them. */
#include "service/notify.h"

#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
wb_notify_tell(const struct wb_notify *notify, const char *state)
{
	if (notify->fd >= 0 &&
	    sendto(notify->fd, state, strlen(state), MSG_NOSIGNAL,
	           (const struct sockaddr *)&notify->to, notify->to_bytes) < 0)
		wb_log_warn(WB_LOG_NOTIFY, "state=%s why=\"%s\"", state,
		            strerror(errno));
}

static void
on_timer(void *arg)
{
	struct wb_notify *notify = arg;

	wb_notify_tell(notify, "WATCHDOG=1");
	wb_timer_start_us(&notify->timer, notify->interval_us);
}

/* False: not an address of ours. */
static bool
set_address(struct wb_notify *notify, const char *name)
{
	size_t bytes = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || bytes < 2 ||
	    bytes >= sizeof(notify->to.sun_path))
		return false;
	notify->to.sun_family = AF_UNIX;
	memcpy(notify->to.sun_path, name, bytes);
	if (name[0] == '@')
		notify->to.sun_path[0] = '\0'; /* abstract: length counts */
	notify->to_bytes =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
	return true;
}

/* 0: none, or of another process. */
static int64_t
watchdog_us(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	long long us = usec == NULL ? 0 : strtoll(usec, NULL, 10);

	if (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())
		return 0;
	return us > 0 ? us : 0;
}

void
wb_notify_init(struct wb_notify *notify, struct wb_loop *loop)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*notify = (struct wb_notify){ .fd = -1 };
	wb_timer_init(&notify->timer, loop, on_timer, notify);
	if (name == NULL || name[0] == '\0')
		return;
	if (!set_address(notify, name)) {
		wb_log_warn(WB_LOG_NOTIFY, "socket=%s why=\"%s\"", name,
		            "neither a path nor @name");
		return;
	}
	notify->fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify->fd < 0) {
		wb_log_warn(WB_LOG_NOTIFY, "why=\"%s\"", strerror(errno));
		return;
	}
	notify->interval_us = watchdog_us() / 2;
	if (notify->interval_us > 0)
		wb_timer_start_us(&notify->timer, notify->interval_us);
}

void
wb_notify_fini(struct wb_notify *notify)
{
	wb_timer_fini(&notify->timer);
	if (notify->fd >= 0)
		(void)close(notify->fd);
	notify->fd = -1;
}
