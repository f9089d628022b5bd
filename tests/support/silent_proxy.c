#include "support/silent_proxy.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct pair {
	struct pair *next;
	struct wb_silent_proxy *proxy;
	struct bufferevent *client, *target; /* target: NULL if there is none */
};

struct wb_silent_proxy {
	struct event_base *base;
	struct evconnlistener *listener;
	uint16_t port, target_port;
	SSL_CTX *tls;
	bool is_frozen_to_target, is_frozen_to_client;
	struct pair *pairs;
	size_t accepted;
};

static struct sockaddr_in
local(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	return address;
}

static void
pair_free(struct pair *pair)
{
	struct pair **at = &pair->proxy->pairs;

	while (*at != pair)
		at = &(*at)->next;
	*at = pair->next;
	bufferevent_free(pair->client);
	if (pair->target != NULL)
		bufferevent_free(pair->target);
	free(pair);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct pair *pair = arg;
	bool is_up = bev == pair->client;
	struct bufferevent *to = is_up ? pair->target : pair->client;

	if (to == NULL || (is_up ? pair->proxy->is_frozen_to_target
	                         : pair->proxy->is_frozen_to_client))
		return;
	(void)evbuffer_add_buffer(bufferevent_get_output(to),
	                          bufferevent_get_input(bev));
}

/* What is still under way to the other side is lost: good enough here. While
 * frozen the client does not learn that the target has gone. */
static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct pair *pair = arg;

	if ((what & BEV_EVENT_CONNECTED) != 0)
		return;
	if (pair->proxy->is_frozen_to_client && bev == pair->target) {
		bufferevent_free(pair->target);
		pair->target = NULL;
	} else {
		pair_free(pair);
	}
}

static struct bufferevent *
open_end(struct wb_silent_proxy *proxy, evutil_socket_t fd, SSL_CTX *tls)
{
	struct bufferevent *bev;

	if (tls == NULL)
		bev = bufferevent_socket_new(proxy->base, fd,
		                             BEV_OPT_CLOSE_ON_FREE);
	else
		bev = bufferevent_openssl_socket_new(
		    proxy->base, fd, SSL_new(tls), BUFFEREVENT_SSL_ACCEPTING,
		    BEV_OPT_CLOSE_ON_FREE);
	assert_non_null(bev);
	return bev;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
          struct sockaddr *from, int from_bytes, void *arg)
{
	struct wb_silent_proxy *proxy = arg;
	struct pair *pair = wb_zalloc(sizeof(*pair));
	struct sockaddr_in to = local(proxy->target_port);

	(void)listener;
	(void)from;
	(void)from_bytes;
	proxy->accepted++;
	pair->proxy = proxy;
	pair->next = proxy->pairs;
	proxy->pairs = pair;
	pair->client = open_end(proxy, fd, proxy->tls);
	bufferevent_setcb(pair->client, on_readable, NULL, on_event, pair);
	(void)bufferevent_enable(pair->client, EV_READ | EV_WRITE);
	if (proxy->target_port == 0)
		return;
	pair->target = open_end(proxy, -1, NULL);
	bufferevent_setcb(pair->target, on_readable, NULL, on_event, pair);
	(void)bufferevent_enable(pair->target, EV_READ | EV_WRITE);
	(void)bufferevent_socket_connect(pair->target, (struct sockaddr *)&to,
	                                 sizeof(to));
}

struct wb_silent_proxy *
wb_silent_proxy_new(struct wb_loop *loop, uint16_t target_port, SSL_CTX *tls)
{
	struct wb_silent_proxy *proxy = wb_zalloc(sizeof(*proxy));
	struct sockaddr_in address = local(0);
	socklen_t bytes = sizeof(address);

	proxy->base = wb_loop_base(loop);
	proxy->target_port = target_port;
	proxy->tls = tls;
	proxy->listener = evconnlistener_new_bind(
	    proxy->base, on_accept, proxy,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16,
	    (struct sockaddr *)&address, sizeof(address));
	assert_non_null(proxy->listener);
	assert_int_equal(getsockname(evconnlistener_get_fd(proxy->listener),
	                             (struct sockaddr *)&address, &bytes),
	                 0);
	proxy->port = ntohs(address.sin_port);
	return proxy;
}

void
wb_silent_proxy_free(struct wb_silent_proxy *proxy)
{
	wb_silent_proxy_cut(proxy);
	evconnlistener_free(proxy->listener);
	free(proxy);
}

uint16_t
wb_silent_proxy_port(const struct wb_silent_proxy *proxy)
{
	return proxy->port;
}

void
wb_silent_proxy_freeze(struct wb_silent_proxy *proxy, bool is_frozen)
{
	wb_silent_proxy_freeze_ways(proxy, is_frozen, is_frozen);
}

void
wb_silent_proxy_freeze_ways(struct wb_silent_proxy *proxy, bool to_target,
                            bool to_client)
{
	struct pair *pair;

	proxy->is_frozen_to_target = to_target;
	proxy->is_frozen_to_client = to_client;
	for (pair = proxy->pairs; pair != NULL; pair = pair->next) {
		on_readable(pair->client, pair);
		if (pair->target != NULL)
			on_readable(pair->target, pair);
	}
}

void
wb_silent_proxy_cut(struct wb_silent_proxy *proxy)
{
	/* clang's analyzer misses that it leaves the list. */
	while (proxy->pairs != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		pair_free(proxy->pairs);
}

void
wb_silent_proxy_say(struct wb_silent_proxy *proxy, const void *data,
                    size_t bytes)
{
	struct pair *pair;

	for (pair = proxy->pairs; pair != NULL; pair = pair->next)
		(void)bufferevent_write(pair->client, data, bytes);
}

const size_t *
wb_silent_proxy_accepted(const struct wb_silent_proxy *proxy)
{
	return &proxy->accepted;
}
