/* Host names to addresses, by libevent's own resolver: /etc/hosts and the name
 * servers of /etc/resolv.conf, both read anew for each lookup. */
#include "amqp/internal.h"

#include "base/mem.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Outlives its connection when that gives up: evdns calls back in any case. */
struct wb_amqp_lookup {
	struct wb_amqp *conn; /* NULL: nobody waits any more */
	struct evdns_base *dns;
	bool is_done;
	int error; /* EVUTIL_EAI_… */
};

static void
lookup_free(void *arg)
{
	struct wb_amqp_lookup *lookup = arg;

	/* Fails what is left over; nothing is when the lookup is done. */
	if (lookup->dns != NULL)
		evdns_base_free(lookup->dns, 1);
	free(lookup);
}

/* One step after the resolver's callback, where its base may be freed. */
static void
on_lookup_done(void *arg)
{
	struct wb_amqp *conn;
	struct wb_amqp_lookup *lookup;
	int error;

	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	lookup = conn->lookup;
	error = lookup->error;
	conn->lookup = NULL;
	lookup_free(lookup);
	wb_amqp_resolved(conn, error == 0 ? NULL : evutil_gai_strerror(error));
}

static void
on_addresses(int error, struct evutil_addrinfo *addresses, void *arg)
{
	struct wb_amqp_lookup *lookup = arg;

	if (lookup->conn == NULL) {
		if (addresses != NULL)
			evutil_freeaddrinfo(addresses);
		free(lookup);
		return;
	}
	lookup->is_done = true;
	lookup->error = error;
	lookup->conn->addresses = addresses;
	lookup->conn->address = addresses;
	wb_loop_defer(lookup->conn->loop, on_lookup_done, lookup->conn);
}

/* Without a usable resolv.conf /etc/hosts still counts. */
static struct evdns_base *
open_resolver(struct event_base *base)
{
	struct evdns_base *dns =
	    evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
	                             EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	if (dns == NULL) {
		dns = evdns_base_new(base, 0);
		WB_ASSERT(dns != NULL);
		(void)evdns_base_load_hosts(dns, "/etc/hosts");
	}
	return dns;
}

void
wb_amqp_resolve(struct wb_amqp *conn)
{
	const struct wb_amqp_broker *broker = wb_amqp_broker(conn);
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
		                         .ai_socktype = SOCK_STREAM,
		                         .ai_protocol = IPPROTO_TCP };
	struct evutil_addrinfo *addresses = NULL;
	struct wb_amqp_lookup *lookup = wb_zalloc(sizeof(*lookup));
	char port[8];

	lookup->conn = conn;
	conn->lookup = lookup;
	(void)snprintf(port, sizeof(port), "%u", (unsigned)broker->port);
	hints.ai_flags = EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV;
	if (evutil_getaddrinfo(broker->host, port, &hints, &addresses) == 0) {
		on_addresses(0, addresses, lookup);
		return;
	}
	hints.ai_flags = EVUTIL_AI_NUMERICSERV;
	lookup->dns = open_resolver(wb_loop_base(conn->loop));
	/* The callback always comes, perhaps before this returns. */
	(void)evdns_getaddrinfo(lookup->dns, broker->host, port, &hints,
	                        on_addresses, lookup);
}

void
wb_amqp_resolve_stop(struct wb_amqp *conn)
{
	struct wb_amqp_lookup *lookup = conn->lookup;

	if (conn->addresses != NULL)
		evutil_freeaddrinfo(conn->addresses);
	conn->addresses = conn->address = NULL;
	if (lookup == NULL)
		return;
	conn->lookup = NULL;
	if (lookup->is_done) {
		wb_loop_undefer(conn->loop, conn);
		lookup_free(lookup);
		return;
	}
	lookup->conn = NULL; /* on_addresses frees it, told of the shutdown */
	evdns_base_free(lookup->dns, 1);
}
