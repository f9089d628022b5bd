#include "support/cut_proxy.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/mem.h"

struct pair {
	struct wb_cut_proxy *proxy;
	struct pair *next;
	struct bufferevent *client, *server;
	bool is_swallowing;
};

struct wb_cut_proxy {
	struct wb_loop *loop;
	struct evconnlistener *listener;
	struct sockaddr_in target;
	struct pair *pairs;
	char *text; /* NULL = none awaited */
	size_t n_swallowed;
};

static void
cut(struct pair *pair)
{
	struct pair **at = &pair->proxy->pairs;

	while (*at != pair)
		at = &(*at)->next;
	*at = pair->next;
	bufferevent_free(pair->client);
	bufferevent_free(pair->server);
	free(pair);
}

static bool
contains(struct evbuffer *buffer, const char *text)
{
	return text != NULL &&
	       evbuffer_search(buffer, text, strlen(text), NULL).pos >= 0;
}

static void
on_request(struct bufferevent *client, void *arg)
{
	struct evbuffer *request = bufferevent_get_input(client);
	struct pair *pair = arg;

	if (contains(request, pair->proxy->text)) {
		pair->is_swallowing = true;
		free(pair->proxy->text);
		pair->proxy->text = NULL;
	}
	(void)bufferevent_write_buffer(pair->server, request);
}

static void
on_answer(struct bufferevent *server, void *arg)
{
	struct pair *pair = arg;

	if (pair->is_swallowing) {
		pair->proxy->n_swallowed++;
		cut(pair);
		return;
	}
	(void)bufferevent_write_buffer(pair->client,
	                               bufferevent_get_input(server));
}

static void
on_event(struct bufferevent *either, short what, void *arg)
{
	(void)either;
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		cut(arg);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
          struct sockaddr *peer, int peer_bytes, void *arg)
{
	struct wb_cut_proxy *proxy = arg;
	struct event_base *base = evconnlistener_get_base(listener);
	struct pair *pair = wb_zalloc(sizeof *pair);

	(void)peer;
	(void)peer_bytes;
	pair->proxy = proxy;
	pair->next = proxy->pairs;
	proxy->pairs = pair;
	pair->client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	pair->server = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	WB_ASSERT(pair->client != NULL && pair->server != NULL);
	bufferevent_setcb(pair->client, on_request, NULL, on_event, pair);
	bufferevent_setcb(pair->server, on_answer, NULL, on_event, pair);
	(void)bufferevent_enable(pair->client, EV_READ | EV_WRITE);
	(void)bufferevent_enable(pair->server, EV_READ | EV_WRITE);
	(void)bufferevent_socket_connect(pair->server,
	                                 (struct sockaddr *)&proxy->target,
	                                 (int)sizeof proxy->target);
}

struct wb_cut_proxy *
wb_cut_proxy_new(struct wb_loop *loop, const char *host, uint16_t port)
{
	struct wb_cut_proxy *proxy = wb_zalloc(sizeof *proxy);
	struct sockaddr_in here = { .sin_family = AF_INET };

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	proxy->loop = loop;
	proxy->target.sin_family = AF_INET;
	proxy->target.sin_port = htons(port);
	WB_ASSERT(inet_pton(AF_INET, host, &proxy->target.sin_addr) == 1);
	proxy->listener = evconnlistener_new_bind(
	    wb_loop_base(loop), on_accept, proxy, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&here, (int)sizeof here);
	WB_ASSERT(proxy->listener != NULL);
	return proxy;
}

void
wb_cut_proxy_free(struct wb_cut_proxy *proxy)
{
	if (proxy == NULL)
		return;
	wb_cut_proxy_cut(proxy);
	evconnlistener_free(proxy->listener);
	free(proxy->text);
	free(proxy);
}

uint16_t
wb_cut_proxy_port(const struct wb_cut_proxy *proxy)
{
	struct sockaddr_in here;
	socklen_t bytes = sizeof here;

	WB_ASSERT(getsockname(evconnlistener_get_fd(proxy->listener),
	                      (struct sockaddr *)&here, &bytes) == 0);
	return ntohs(here.sin_port);
}

void
wb_cut_proxy_cut(struct wb_cut_proxy *proxy)
{
	/* clang's analyzer misses that it leaves the list. */
	while (proxy->pairs != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		cut(proxy->pairs);
}

void
wb_cut_proxy_swallow_after(struct wb_cut_proxy *proxy, const char *text)
{
	free(proxy->text);
	proxy->text = wb_strdup(text);
}

size_t
wb_cut_proxy_swallowed(const struct wb_cut_proxy *proxy)
{
	return proxy->n_swallowed;
}
