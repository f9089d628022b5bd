#include "http/internal.h"

#include "base/mem.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MAGIC   0x484C4E47u
#define READS_PER_TURN 16

/* A socket whose answer is written and whose input nobody wants. */
struct wb_http_linger {
	unsigned magic;
	struct wb_http_server *server;
	struct wb_http_linger *next;
	struct event *event;
	struct wb_timer timer;
	int fd;
};

static void
free_linger(struct wb_http_linger *linger)
{
	event_free(linger->event);
	wb_timer_fini(&linger->timer);
	(void)close(linger->fd);
	linger->magic = 0;
	free(linger);
}

static void
end(struct wb_http_linger *linger)
{
	struct wb_http_server *server = linger->server;
	struct wb_http_linger **link = &server->lingers;

	while (*link != linger)
		link = &(*link)->next;
	*link = linger->next;
	free_linger(linger);
	server->n_sockets--;
	wb_http_server_balance(server);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct wb_http_linger *linger;
	char dropped[16384];
	ssize_t n = 1;
	int i;

	(void)what;
	WB_CAST(linger, arg, LINGER_MAGIC);
	for (i = 0; i < READS_PER_TURN && n > 0; i++)
		n = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(linger);
}

static void
on_deadline(void *arg)
{
	struct wb_http_linger *linger;

	WB_CAST(linger, arg, LINGER_MAGIC);
	end(linger);
}

/* The socket itself, not a copy: the loop watches no copies. */
void
wb_http_linger(struct wb_http_server *server, struct bufferevent *bev)
{
	struct wb_http_linger *linger = wb_zalloc(sizeof(*linger));

	linger->magic = LINGER_MAGIC;
	linger->server = server;
	linger->fd = bufferevent_getfd(bev);
	(void)bufferevent_setfd(bev, -1);
	(void)shutdown(linger->fd, SHUT_WR);
	linger->event =
	    wb_made(event_new(wb_loop_base(server->loop), linger->fd,
	                      EV_READ | EV_PERSIST, on_readable, linger));
	(void)event_add(linger->event, NULL);
	wb_timer_init(&linger->timer, server->loop, on_deadline, linger);
	wb_timer_start_ms(&linger->timer, server->params->read_deadline_ms);
	linger->next = server->lingers;
	server->lingers = linger;
	server->n_sockets++;
}

void
wb_http_linger_free_all(struct wb_http_server *server)
{
	struct wb_http_linger *linger = server->lingers, *next;

	server->lingers = NULL;
	for (; linger != NULL; linger = next) {
		next = linger->next;
		free_linger(linger);
	}
}
