/* Broker lists. Strict: what is not understood is refused with a reason. */
#include "amqp/url.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* AMQP's limit for a vhost; far more than a broker takes for the others. */
#define TEXT_MAX 255

/* A piece of the text being parsed. */
struct span {
	const char *at;
	size_t len;
};

static struct span
span_trim(struct span span)
{
	while (span.len > 0 && strchr(" \t\r\n", span.at[0]) != NULL) {
		span.at++;
		span.len--;
	}
	while (span.len > 0 && strchr(" \t\r\n", span.at[span.len - 1]) != NULL)
		span.len--;
	return span;
}

static struct span
span_from(struct span span, size_t offset)
{
	return (struct span){ .at = span.at + offset,
		              .len = span.len - offset };
}

/* Cuts the part before the first `separator` off *span into *ret_head and
 * steps over the separator. False, and nothing is changed, if there is none. */
static bool
span_cut(struct span *span, char separator, struct span *ret_head)
{
	const char *found =
	    span->len == 0 ? NULL : memchr(span->at, separator, span->len);

	if (found == NULL)
		return false;
	ret_head->at = span->at;
	ret_head->len = (size_t)(found - span->at);
	*span = span_from(*span, ret_head->len + 1);
	return true;
}

static bool
span_take_prefix(struct span *span, const char *prefix)
{
	size_t len = strlen(prefix);

	if (span->len < len || memcmp(span->at, prefix, len) != 0)
		return false;
	*span = span_from(*span, len);
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL for a broken escape and for %00. */
static char *
percent_decode(struct span span)
{
	char *text = wb_zalloc(span.len + 1);
	size_t in, out = 0;

	for (in = 0; in < span.len; in++) {
		int high, low;

		if (span.at[in] != '%') {
			text[out++] = span.at[in];
			continue;
		}
		high = in + 2 < span.len ? hex_digit(span.at[in + 1]) : -1;
		low = high >= 0 ? hex_digit(span.at[in + 2]) : -1;
		if (low < 0 || high + low == 0) {
			free(text);
			return NULL;
		}
		text[out++] = (char)(high * 16 + low);
		in += 2;
	}
	return text;
}

/* Each parse_… returns NULL, or what is wrong. */
static const char *
parse_user(struct span userinfo, struct wb_amqp_broker *broker)
{
	struct span user;

	if (span_cut(&userinfo, ':', &user)) {
		broker->password = percent_decode(userinfo);
	} else {
		user = userinfo;
		broker->password = wb_strdup("");
	}
	broker->user = percent_decode(user);
	if (broker->user == NULL || broker->password == NULL)
		return "user or password has a broken percent escape";
	if (broker->user[0] == '\0')
		return "the user is empty";
	if (strlen(broker->user) > TEXT_MAX ||
	    strlen(broker->password) > TEXT_MAX)
		return "user or password is longer than 255 bytes";
	return NULL;
}

static const char *
parse_port(struct span span, uint16_t *ret_port)
{
	unsigned long port = 0;
	size_t i;

	for (i = 0; i < span.len; i++) {
		if (span.at[i] < '0' || span.at[i] > '9' || i >= 5)
			return "the port is not a number of 1 to 65535";
		port = port * 10 + (unsigned long)(span.at[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return "the port is not a number of 1 to 65535";
	*ret_port = (uint16_t)port;
	return NULL;
}

static const char *
parse_address(struct span address, struct wb_amqp_broker *broker)
{
	struct span host;
	bool has_port;

	if (span_take_prefix(&address, "[")) {
		if (!span_cut(&address, ']', &host))
			return "the bracket of the IPv6 address is not closed";
		has_port = span_take_prefix(&address, ":");
		if (!has_port && address.len > 0)
			return "something other than a port follows the host";
	} else {
		has_port = span_cut(&address, ':', &host);
		if (!has_port)
			host = address;
	}
	broker->host = percent_decode(host);
	if (broker->host == NULL)
		return "the host has a broken percent escape";
	if (broker->host[0] == '\0')
		return "the host is empty";
	return has_port ? parse_port(address, &broker->port) : NULL;
}

static const char *
parse_vhost(struct span path, struct wb_amqp_broker *broker)
{
	if (path.len > 0 && memchr(path.at, '/', path.len) != NULL)
		return "the vhost holds a slash (write it as %2F)";
	broker->vhost = path.len == 0 ? wb_strdup("/") : percent_decode(path);
	if (broker->vhost == NULL)
		return "the vhost has a broken percent escape";
	if (strlen(broker->vhost) > TEXT_MAX)
		return "the vhost is longer than 255 bytes";
	return NULL;
}

static bool
span_is(struct span span, const char *text)
{
	return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static const char *
parse_query(struct span query, struct wb_amqp_broker *broker)
{
	broker->is_external = span_is(query, "auth_mechanism=external");
	if (!broker->is_external && !span_is(query, "auth_mechanism=plain"))
		return "query parameters other than auth_mechanism=plain or "
		       "=external are not supported";
	if (broker->is_external && !broker->is_tls)
		return "auth_mechanism=external needs amqps://";
	return NULL;
}

/* The last '@' ends the user part, so that a stray one in a password is taken
 * as people mean it. */
static bool
cut_userinfo(struct span *authority, struct span *ret_userinfo)
{
	size_t i = authority->len;

	while (i > 0 && authority->at[i - 1] != '@')
		i--;
	if (i == 0)
		return false;
	ret_userinfo->at = authority->at;
	ret_userinfo->len = i - 1;
	*authority = span_from(*authority, i);
	return true;
}

static const char *
parse_login(struct span *authority, struct wb_amqp_broker *broker)
{
	const char *usual = broker->is_external ? "" : "guest";
	struct span userinfo;

	if (cut_userinfo(authority, &userinfo))
		return broker->is_external
		           ? "auth_mechanism=external takes the user of the "
		             "certificate, not one of the URL"
		           : parse_user(userinfo, broker);
	broker->user = wb_strdup(usual);
	broker->password = wb_strdup(usual);
	return NULL;
}

static const char *
parse_broker(struct span url, struct wb_amqp_broker *broker)
{
	struct span authority, path;
	const char *wrong = NULL;
	bool has_query = span_cut(&url, '?', &path);

	if (!has_query)
		path = url;
	broker->is_tls = span_take_prefix(&path, "amqps://");
	if (!broker->is_tls && !span_take_prefix(&path, "amqp://"))
		return "it does not start with amqp:// or amqps://";
	broker->port = broker->is_tls ? 5671 : 5672;
	if (has_query)
		wrong = parse_query(url, broker);
	if (!span_cut(&path, '/', &authority)) {
		authority = path;
		path = span_from(path, path.len);
	}
	if (wrong == NULL)
		wrong = parse_login(&authority, broker);
	if (wrong == NULL)
		wrong = parse_address(authority, broker);
	if (wrong == NULL)
		wrong = parse_vhost(path, broker);
	return wrong;
}

void
wb_amqp_brokers_fini(struct wb_amqp_brokers *brokers)
{
	size_t i;

	for (i = 0; i < brokers->count; i++) {
		free(brokers->list[i].user);
		free(brokers->list[i].password);
		free(brokers->list[i].host);
		free(brokers->list[i].vhost);
	}
	free(brokers->list);
	*brokers = (struct wb_amqp_brokers){ 0 };
}

enum wb_err
wb_amqp_brokers_parse(const char *text, struct wb_amqp_brokers *ret_brokers,
                      struct wb_note *note)
{
	struct span rest = { .at = text, .len = strlen(text) };
	bool is_last = false;

	*ret_brokers = (struct wb_amqp_brokers){ 0 };
	while (!is_last) {
		struct span entry;
		const char *wrong;
		size_t n = ret_brokers->count + 1;

		if (!span_cut(&rest, ',', &entry)) {
			entry = rest;
			is_last = true;
		}
		ret_brokers->list = wb_realloc(ret_brokers->list,
		                               n * sizeof(*ret_brokers->list));
		ret_brokers->list[n - 1] = (struct wb_amqp_broker){ 0 };
		ret_brokers->count = n;
		wrong =
		    parse_broker(span_trim(entry), &ret_brokers->list[n - 1]);
		if (wrong != NULL)
			return wb_fail(note, WB_ERR_BAD_CONFIG,
			               "broker %zu of the list: %s", n, wrong);
	}
	return WB_OK;
}
