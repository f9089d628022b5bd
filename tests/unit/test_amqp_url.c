/* Broker lists: what is understood, and what is refused with which reason. */
#include "capture.h"

#include "amqp/amqp.h"
#include "amqp/url.h"
#include "base/attr.h"

#include <stdio.h>
#include <string.h>

static void
assert_broker(const char *text, const char *user, const char *password,
              const char *host, uint16_t port, const char *vhost, bool is_tls)
{
	struct wb_amqp_brokers brokers;
	struct wb_note note = { "" };
	const struct wb_amqp_broker *broker;

	assert_int_equal(wb_amqp_brokers_parse(text, &brokers, &note), WB_OK);
	assert_string_equal(note.text, "");
	assert_int_equal(brokers.count, 1);
	broker = &brokers.list[0];
	assert_string_equal(broker->user, user);
	assert_string_equal(broker->password, password);
	assert_string_equal(broker->host, host);
	assert_int_equal(broker->port, port);
	assert_string_equal(broker->vhost, vhost);
	assert_int_equal(broker->is_tls, is_tls);
	wb_amqp_brokers_fini(&brokers);
	wb_amqp_brokers_fini(&brokers); /* twice is harmless */
}

static void
test_one_broker(void **state)
{
	(void)state;
	assert_broker("amqp://h", "guest", "guest", "h", 5672, "/", false);
	assert_broker("amqps://h", "guest", "guest", "h", 5671, "/", true);
	assert_broker("amqp://h/", "guest", "guest", "h", 5672, "/", false);
	assert_broker("amqp://h/%2F", "guest", "guest", "h", 5672, "/", false);
	assert_broker("amqp://h/way%2fbill", "guest", "guest", "h", 5672,
	              "way/bill", false);
	assert_broker("amqp://u:p@h:1/v", "u", "p", "h", 1, "v", false);
	assert_broker("amqp://u@h:65535", "u", "", "h", 65535, "/", false);
	assert_broker("amqp://u:@h", "u", "", "h", 5672, "/", false);
	assert_broker("amqp://a%40b:c%3Ad%2C%2F%25@h", "a@b", "c:d,/%", "h",
	              5672, "/", false);
	assert_broker("amqp://u:p@ss:word@h", "u", "p@ss:word", "h", 5672, "/",
	              false);
	assert_broker(" amqp://h\n", "guest", "guest", "h", 5672, "/", false);
	assert_broker("amqps://u:p@[::1]:5/v", "u", "p", "::1", 5, "v", true);
	assert_broker("amqp://[fe80::1]/v", "guest", "guest", "fe80::1", 5672,
	              "v", false);
	assert_broker("amqp://u:p@h/v?auth_mechanism=plain", "u", "p", "h",
	              5672, "v", false);
	assert_broker("amqps://h/v?auth_mechanism=external", "", "", "h", 5671,
	              "v", true);
}

static void
test_list(void **state)
{
	struct wb_amqp_brokers brokers;

	(void)state;
	assert_int_equal(
	    wb_amqp_brokers_parse("amqp://a/x, amqps://b:7/y ,amqp://c",
	                          &brokers, NULL),
	    WB_OK);
	assert_int_equal(brokers.count, 3);
	assert_string_equal(brokers.list[0].host, "a");
	assert_string_equal(brokers.list[1].host, "b");
	assert_int_equal(brokers.list[1].port, 7);
	assert_string_equal(brokers.list[1].vhost, "y");
	assert_string_equal(brokers.list[2].host, "c");
	wb_amqp_brokers_fini(&brokers);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "broker 1 of the list: it does not start with" },
		{ "h:5672", "broker 1 of the list: it does not start with" },
		{ "http://h", "broker 1 of the list: it does not start with" },
		{ "amqp://h,", "broker 2 of the list: it does not start with" },
		{ "amqp://", "the host is empty" },
		{ "amqp://u:p@", "the host is empty" },
		{ "amqp://:5672", "the host is empty" },
		{ "amqp://h:", "the port is not" },
		{ "amqp://h:0", "the port is not" },
		{ "amqp://h:65536", "the port is not" },
		{ "amqp://h:000001", "the port is not" },
		{ "amqp://h:56x", "the port is not" },
		{ "amqp://h:-1", "the port is not" },
		{ "amqp://[::1", "the bracket" },
		{ "amqp://[::1]5672", "something other than a port" },
		{ "amqp://:p@h", "the user is empty" },
		{ "amqp://u:secret%4@h", "broken percent escape" },
		{ "amqp://u:secret%zz@h", "broken percent escape" },
		{ "amqp://u:secret%00@h", "broken percent escape" },
		{ "amqp://%@h", "broken percent escape" },
		{ "amqp://h/%", "the vhost has a broken percent escape" },
		{ "amqp://h/a/b", "the vhost holds a slash" },
		{ "amqp://u:secret@h?heartbeat=5", "query parameters" },
		{ "amqps://h?auth_mechanism=external&x=y", "query parameters" },
		{ "amqp://h?auth_mechanism=external", "needs amqps://" },
		{ "amqps://u:secret@h?auth_mechanism=external",
		  "takes the user of the certificate" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_amqp_brokers brokers;
		struct wb_note note = { "" };

		if (wb_amqp_brokers_parse(cases[i].text, &brokers, &note) !=
		        WB_ERR_BAD_CONFIG ||
		    strstr(note.text, cases[i].reason) == NULL ||
		    strstr(note.text, "secret") != NULL)
			fail_msg("\"%s\" gave \"%s\"", cases[i].text,
			         note.text);
		wb_amqp_brokers_fini(&brokers);
	}
}

static void
test_too_long(void **state)
{
	struct wb_amqp_brokers brokers;
	struct wb_note note;
	char name[257], text[600];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[256] = '\0';
	(void)snprintf(text, sizeof(text), "amqp://%s:p@h", name);
	assert_int_equal(wb_amqp_brokers_parse(text, &brokers, &note),
	                 WB_ERR_BAD_CONFIG);
	wb_amqp_brokers_fini(&brokers);
	(void)snprintf(text, sizeof(text), "amqp://h/%s", name);
	assert_int_equal(wb_amqp_brokers_parse(text, &brokers, &note),
	                 WB_ERR_BAD_CONFIG);
	assert_non_null(strstr(note.text, "longer than 255"));
	wb_amqp_brokers_fini(&brokers);
}

static char brokers_text[64], empty[1], ca_text[64];

static enum wb_err
check(const char *brokers, const char *ca, struct wb_note *note)
{
	struct wb_amqp_params params = { .brokers = brokers_text,
		                         .tls_ca = ca_text,
		                         .tls_cert = empty,
		                         .tls_key = empty };

	(void)snprintf(brokers_text, sizeof(brokers_text), "%s", brokers);
	(void)snprintf(ca_text, sizeof(ca_text), "%s", ca);
	return wb_amqp_params_check(&params, note);
}

static void
test_params_check(void **state)
{
	struct wb_note note;

	(void)state;
	assert_int_equal(check("amqp://h", "/no/such/ca", &note), WB_OK);
	assert_int_equal(check("amqp://h,amqps://h", "", &note), WB_OK);
	assert_int_equal(check("amqp://h,amqps://h", "/no/such/ca", &note),
	                 WB_ERR_BAD_CONFIG);
	assert_non_null(strstr(note.text, "amqp-tls-ca \"/no/such/ca\""));
	assert_int_equal(check("h", "", &note), WB_ERR_BAD_CONFIG);
	assert_int_equal(check("amqps://h?auth_mechanism=plain", "", &note),
	                 WB_OK);
	assert_int_equal(check("amqps://h?auth_mechanism=external", "", &note),
	                 WB_ERR_BAD_CONFIG);
	assert_non_null(strstr(note.text, "amqp-tls-cert"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_broker),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_params_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
