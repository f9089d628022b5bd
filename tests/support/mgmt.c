#include "support/mgmt.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <json-c/json.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 30L
#define SKIPPED   77

const char *
wb_test_need_env(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL || value[0] == '\0') {
		(void)fprintf(stderr, "skipped: %s is not set\n", name);
		exit(SKIPPED);
	}
	return value;
}

static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	if (arg != NULL)
		wb_buf_add(arg, data, size * n);
	return size * n;
}

long
wb_test_mgmt(const char *method, const char *path, const char *body,
             struct wb_buf *ret_answer)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers =
	    curl_slist_append(NULL, "Content-Type: application/json");
	struct wb_buf url = { 0 };
	long status = 0;
	CURLcode code;

	assert_non_null(curl);
	wb_buf_printf(&url, "%s%s", wb_test_need_env("WB_TEST_MGMT_URL"), path);
	(void)curl_easy_setopt(curl, CURLOPT_URL, wb_buf_text(&url));
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer);
	if (body != NULL)
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		fail_msg("%s %s: %s", method, path, curl_easy_strerror(code));
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	wb_buf_fini(&url);
	return status;
}

/* amqp://user:password@host:port/vhost: the piece from..to. */
static char *
user_of(const char *url)
{
	const char *from = strstr(url, "://");
	size_t len;

	assert_non_null(from);
	from += 3;
	len = strcspn(from, ":@");
	return strndup(from, len);
}

char *
wb_test_vhost_create(const char *vhost)
{
	const char *url = wb_test_need_env("WB_TEST_AMQP_URL");
	const char *host = strstr(url, "://");
	char *user = user_of(url);
	struct wb_buf path = { 0 }, made = { 0 };

	assert_non_null(host);
	wb_test_vhost_delete(vhost);
	wb_buf_printf(&path, "/api/vhosts/%s", vhost);
	assert_int_equal(wb_test_mgmt("PUT", wb_buf_text(&path), NULL, NULL),
	                 201);
	wb_buf_clear(&path);
	wb_buf_printf(&path, "/api/permissions/%s/%s", vhost, user);
	assert_in_range(wb_test_mgmt("PUT", wb_buf_text(&path),
	                             "{\"configure\":\".*\",\"write\":\".*\","
	                             "\"read\":\".*\"}",
	                             NULL),
	                200, 299);
	wb_buf_add(&made, url,
	           (size_t)(host - url) + 3 + strcspn(host + 3, "/"));
	wb_buf_printf(&made, "/%s", vhost);
	wb_buf_fini(&path);
	free(user);
	return made.data;
}

void
wb_test_vhost_delete(const char *vhost)
{
	struct wb_buf path = { 0 };

	wb_buf_printf(&path, "/api/vhosts/%s", vhost);
	(void)wb_test_mgmt("DELETE", wb_buf_text(&path), NULL, NULL);
	wb_buf_fini(&path);
}

/* Whether this entry of the list has such a name. */
static bool
is_named(struct json_object *connection, const char *name)
{
	struct json_object *properties, *given;

	return json_object_object_get_ex(connection, "client_properties",
	                                 &properties) &&
	       json_object_object_get_ex(properties, "connection_name",
	                                 &given) &&
	       strncmp(json_object_get_string(given), name, strlen(name)) == 0;
}

static bool
close_connection(struct json_object *connection)
{
	struct wb_buf path = { 0 };
	struct json_object *name;
	char *escaped;
	long status;

	if (!json_object_object_get_ex(connection, "name", &name))
		return false;
	escaped = curl_easy_escape(NULL, json_object_get_string(name), 0);
	assert_non_null(escaped);
	wb_buf_printf(&path, "/api/connections/%s", escaped);
	status = wb_test_mgmt("DELETE", wb_buf_text(&path), NULL, NULL);
	curl_free(escaped);
	wb_buf_fini(&path);
	return status == 204;
}

size_t
wb_test_connections_close(const char *vhost, const char *name)
{
	struct wb_buf path = { 0 }, answer = { 0 };
	struct json_object *list;
	size_t n_closed = 0;

	wb_buf_printf(&path,
	              "/api/vhosts/%s/connections?columns=name,"
	              "client_properties.connection_name",
	              vhost);
	assert_int_equal(wb_test_mgmt("GET", wb_buf_text(&path), NULL, &answer),
	                 200);
	list = json_tokener_parse(wb_buf_text(&answer));
	assert_true(json_object_is_type(list, json_type_array));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *at = json_object_array_get_idx(list, i);

		n_closed += is_named(at, name) && close_connection(at);
	}
	(void)json_object_put(list);
	wb_buf_fini(&path);
	wb_buf_fini(&answer);
	return n_closed;
}

const char *
wb_test_url_at(const char *url, const char *scheme, const char *host,
               uint16_t port)
{
	static char text[512];
	const char *user = strstr(url, "://") + 3;
	const char *at = strchr(user, '@'), *path;

	WB_ASSERT(at != NULL);
	path = strchr(at, '/');
	(void)snprintf(text, sizeof(text), "%s://%.*s@%s:%u%s", scheme,
	               (int)(at - user), user, host, (unsigned)port,
	               path == NULL ? "" : path);
	return text;
}

uint16_t
wb_test_port_of(const char *url)
{
	const char *at = strchr(url, '@'), *colon;

	WB_ASSERT(at != NULL);
	colon = strchr(at, ':');
	return colon == NULL ? 5672 : (uint16_t)strtoul(colon + 1, NULL, 10);
}
