/* The keywords of a connection attempt: the DSN, with our defaults before it
 * (so that it overrides them) and our additions after it.
 *
 * libpq starts each attempt at the first host, and its own connect_timeout does
 * not work for non-blocking connects: a first host that swallows packets would
 * use up every attempt. So the list of hosts is turned round before it is
 * handed to libpq: an attempt begins where the last one failed, plus one.
 *
 * No setting of ours is among them: pgbouncer turns away a client that sends
 * "options". Those of the DSN are the user's own. */
#include "pg/internal.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEYWORDS = 16 };

struct keywords {
	const char *names[MAX_KEYWORDS + 1], *values[MAX_KEYWORDS + 1];
	size_t n;
};

static void
add(struct keywords *keywords, const char *name, const char *value)
{
	if (value == NULL)
		return;
	WB_ASSERT(keywords->n < MAX_KEYWORDS);
	keywords->names[keywords->n] = name;
	keywords->values[keywords->n] = value;
	keywords->n++;
}

/* NULL when the DSN does not have it. */
static const char *
value_of(const PQconninfoOption *options, const char *name)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val;
	return NULL;
}

/* Items of a comma-separated list; 0 for none. */
static size_t
count_items(const char *list)
{
	size_t n = 1;

	if (list == NULL || list[0] == '\0')
		return 0;
	for (; *list != '\0'; list++)
		if (*list == ',')
			n++;
	return n;
}

/* "a,b,c" from its 1st item on: "b,c,a". NULL stays NULL. */
static char *
turn_list(const char *list, size_t first)
{
	struct wb_buf turned = { 0 };
	const char *tail = list;

	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < first; i++)
		tail = strchr(tail, ',') + 1;
	wb_buf_adds(&turned, tail);
	if (tail != list) {
		wb_buf_adds(&turned, ",");
		wb_buf_add(&turned, list, (size_t)(tail - list) - 1);
	}
	return turned.data;
}

/* Lists of one item per host, which must turn together. */
static const char *const host_lists[] = { "host", "hostaddr", "port" };

enum { N_HOST_LISTS = WB_ARRAY_LEN(host_lists) };

/* ret_lists: what was allocated for it. */
static void
add_hosts(struct keywords *keywords, const PQconninfoOption *dsn,
          size_t first_host, char *ret_lists[N_HOST_LISTS])
{
	size_t n_hosts = count_items(value_of(dsn, "host"));

	if (count_items(value_of(dsn, "hostaddr")) > n_hosts)
		n_hosts = count_items(value_of(dsn, "hostaddr"));
	if (n_hosts < 2)
		return;
	for (size_t i = 0; i < N_HOST_LISTS; i++) {
		const char *list = value_of(dsn, host_lists[i]);

		/* One port may stand for all hosts. */
		if (count_items(list) != n_hosts)
			continue;
		ret_lists[i] = turn_list(list, first_host % n_hosts);
		add(keywords, host_lists[i], ret_lists[i]);
	}
}

PGconn *
wb_pg_conninfo_start(const struct wb_pg_params *params,
                     const char *application_name, size_t first_host,
                     struct wb_note *note)
{
	PQconninfoOption *dsn = PQconninfoParse(params->dsn, NULL);
	struct keywords keywords = { 0 };
	char *lists[N_HOST_LISTS] = { NULL };
	PGconn *conn = NULL;

	if (dsn == NULL) {
		/* libpq's own words may quote the password. */
		(void)wb_fail(note, WB_ERR_BAD_CONFIG,
		              "the dsn is no libpq connection string or URI");
		return NULL;
	}
	/* A connection that only listens notices a dead peer by these alone. */
	add(&keywords, "keepalives_idle", "30");
	add(&keywords, "keepalives_interval", "10");
	add(&keywords, "keepalives_count", "3");
	add(&keywords, "tcp_user_timeout", "30000");
	add(&keywords, "dbname", params->dsn);
	add(&keywords, "fallback_application_name", application_name);
	add(&keywords, "client_encoding", "UTF8");
	add_hosts(&keywords, dsn, first_host, lists);
	conn = PQconnectStartParams(keywords.names, keywords.values, 1);
	if (conn == NULL)
		(void)wb_fail(note, WB_ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < N_HOST_LISTS; i++)
		free(lists[i]);
	PQconninfoFree(dsn);
	return conn;
}
