/* amqps: a broker behind TLS (a proxy that ends it), with certificates for the
 * right and for wrong names, and from authorities that are trusted or not. */
#include "support/amqp_fixture.h"
#include "support/mgmt.h"
#include "support/silent_proxy.h"
#include "support/tls_files.h"

#include "base/attr.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define VHOST "wb_test_amqp_tls"

static char *url;
static uint16_t broker_port;
static struct wb_loop *loop;
static struct wb_test_amqp amqp;
static struct wb_test_channel channel;

static int
group_set_up(void **state)
{
	(void)state;
	url = wb_test_vhost_create(VHOST);
	broker_port = wb_test_port_of(url);
	return 0;
}

static int
group_tear_down(void **state)
{
	(void)state;
	wb_test_vhost_delete(VHOST);
	free(url);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	loop = wb_loop_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	wb_test_amqp_fini(&amqp);
	wb_loop_free(loop);
	return 0;
}

struct tls_case {
	const char *certified;  /* names in the certificate */
	const char *connect_to; /* host of the URL */
	const char *reason;     /* NULL: accepted */
	bool wants_certificate; /* of the client, who has none */
};

static void
assert_tls(const struct wb_test_ca *ca, const char *ca_file,
           const struct tls_case *tls_case)
{
	SSL_CTX *tls = wb_test_ca_server(ca, tls_case->certified);
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, tls);

	if (tls_case->wants_certificate)
		SSL_CTX_set_verify(
		    tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		    NULL);
	wb_test_amqp_init(&amqp, loop,
	                  wb_test_url_at(url, "amqps", tls_case->connect_to,
	                                 wb_silent_proxy_port(proxy)));
	free(amqp.params.tls_ca);
	amqp.params.tls_ca = wb_strdup(ca_file);
	wb_test_amqp_start(&amqp, "waybill-tls");
	if (tls_case->reason == NULL) {
		char *big = wb_zalloc(1000000);

		wb_test_amqp_until(loop, &amqp.n_ready, 1);
		wb_test_channel_open(&channel, &amqp);
		wb_test_declare(&channel, "tls");
		wb_amqp_consume(channel.channel, "tls", "c", NULL, NULL);
		(void)wb_test_publish(&channel, "tls", big, 1000000);
		wb_test_amqp_until(loop, &channel.n_delivered, 1);
		assert_int_equal(channel.body.len, 1000000);
		wb_amqp_ack(channel.channel, channel.tag, false);
		wb_test_channel_fini(&channel);
		free(big);
	} else {
		wb_test_amqp_until(loop, &amqp.n_lost, 2);
		assert_int_equal(amqp.n_ready, 0);
		if (strstr(amqp.why, tls_case->reason) == NULL)
			fail_msg("\"%s\" instead of \"%s\"", amqp.why,
			         tls_case->reason);
	}
	wb_test_amqp_fini(&amqp);
	wb_silent_proxy_free(proxy);
	wb_test_amqp_run_ms(loop, 5);
	SSL_CTX_free(tls);
}

static void
test_tls(void **state)
{
	static const struct tls_case cases[] = {
		{ "IP:127.0.0.1", "127.0.0.1", NULL, false },
		{ "DNS:localhost", "localhost", NULL, false },
		{ "DNS:other.example", "localhost", "hostname mismatch",
		  false },
		{ "IP:127.0.0.2", "127.0.0.1", "IP address mismatch", false },
		{ "DNS:127.0.0.1", "127.0.0.1", "IP address mismatch", false },
		{ "IP:127.0.0.1", "127.0.0.1",
		  "may not accept this client's certificate", true },
	};
	struct wb_test_ca ca, other;
	size_t i;

	(void)state;
	wb_test_ca_make(&ca);
	wb_test_ca_make(&other);
	for (i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_tls(&ca, ca.path, &cases[i]);
	assert_tls(&ca, other.path,
	           &(struct tls_case){ "IP:127.0.0.1", "127.0.0.1",
	                               "the broker's certificate: ", false });
	assert_tls(&ca, "",
	           &(struct tls_case){ "IP:127.0.0.1", "127.0.0.1",
	                               "the broker's certificate: ", false });
	wb_test_ca_fini(&ca);
	wb_test_ca_fini(&other);
	wb_test_amqp_init(&amqp, loop, url);
}

static void
test_tls_to_plain_port(void **state)
{
	(void)state;
	wb_test_amqp_init(
	    &amqp, loop,
	    wb_test_url_at(url, "amqps", "127.0.0.1", broker_port));
	wb_test_amqp_start(&amqp, "waybill-tls");
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_non_null(strstr(amqp.why, "TLS: "));
}

static void
test_tls_to_closed_port(void **state)
{
	(void)state;
	wb_test_amqp_init(&amqp, loop,
	                  wb_test_url_at(url, "amqps", "127.0.0.1", 1));
	wb_test_amqp_start(&amqp, "waybill-tls");
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_string_equal(amqp.why, "127.0.0.1:1: Connection refused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tls_to_plain_port, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(test_tls_to_closed_port, set_up,
		                                tear_down),
	};

	(void)wb_test_need_env("WB_TEST_AMQP_URL");
	(void)wb_test_need_env("WB_TEST_MGMT_URL");
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
