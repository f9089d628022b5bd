/* The parameters of a broker connection. */
#include "amqp/amqp.h"

#include "amqp/tls.h"
#include "amqp/url.h"
#include "base/attr.h"

#include <stddef.h>

#define AT(field) offsetof(struct wb_amqp_params, field)

const struct wb_param wb_amqp_params_table[] = {
	{ .name = "amqp-brokers",
	  .type = WB_PARAM_SECRET,
	  .offset = AT(brokers),
	  .def = "amqp://guest:guest@127.0.0.1:5672/",
	  .min = 1,
	  .max = 4096,
	  .unit = "",
	  .help = "RabbitMQ nodes, comma-separated: "
	          "amqp[s]://user:password@host:port/vhost, or "
	          "amqps://host:port/vhost?auth_mechanism=external" },
	{ .name = "amqp-connect-timeout-ms",
	  .type = WB_PARAM_INT,
	  .offset = AT(connect_timeout_ms),
	  .def = "10000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "deadline for name lookup, TCP, TLS and the AMQP handshake "
	          "together" },
	{ .name = "amqp-rpc-timeout-ms",
	  .type = WB_PARAM_INT,
	  .offset = AT(rpc_timeout_ms),
	  .def = "10000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "deadline for RabbitMQ's answer to a method (declare, "
	          "consume, close)" },
	{ .name = "amqp-heartbeat-s",
	  .type = WB_PARAM_INT,
	  .offset = AT(heartbeat_s),
	  .def = "10",
	  .min = 1,
	  .max = 3600,
	  .unit = "s",
	  .help = "heartbeat interval offered to RabbitMQ; a silence of two "
	          "intervals ends the connection" },
	{ .name = "amqp-reconnect-cap-ms",
	  .type = WB_PARAM_INT,
	  .offset = AT(reconnect_cap_ms),
	  .def = "5000",
	  .min = 1,
	  .max = 600000,
	  .unit = "ms",
	  .help = "longest wait between two attempts to connect" },
	{ .name = "amqp-tls-ca",
	  .type = WB_PARAM_TEXT,
	  .offset = AT(tls_ca),
	  .def = "",
	  .min = 0,
	  .max = 4096,
	  .unit = "",
	  .help = "file with the authorities that may vouch for an amqps "
	          "broker; empty: the system's" },
	{ .name = "amqp-tls-cert",
	  .type = WB_PARAM_TEXT,
	  .offset = AT(tls_cert),
	  .def = "",
	  .min = 0,
	  .max = 4096,
	  .unit = "",
	  .help = "file with this client's certificate chain; empty: none" },
	{ .name = "amqp-tls-key",
	  .type = WB_PARAM_TEXT,
	  .offset = AT(tls_key),
	  .def = "",
	  .min = 0,
	  .max = 4096,
	  .unit = "",
	  .help = "file with the key of amqp-tls-cert" },
};

const size_t wb_amqp_params_count = WB_ARRAY_LEN(wb_amqp_params_table);

static enum wb_err
check_tls(const struct wb_amqp_params *params,
          const struct wb_amqp_broker *broker, struct wb_note *note)
{
	SSL_CTX *tls = NULL;
	enum wb_err err;

	if (broker->is_external && params->tls_cert[0] == '\0')
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "auth_mechanism=external needs amqp-tls-cert");
	err = wb_amqp_tls_new(params, &tls, note);
	SSL_CTX_free(tls);
	return err;
}

enum wb_err
wb_amqp_params_check(const struct wb_amqp_params *params, struct wb_note *note)
{
	struct wb_amqp_brokers brokers;
	enum wb_err err =
	    wb_amqp_brokers_parse(params->brokers, &brokers, note);
	size_t i;

	for (i = 0; err == WB_OK && i < brokers.count; i++) {
		if (brokers.list[i].is_tls)
			err = check_tls(params, &brokers.list[i], note);
	}
	wb_amqp_brokers_fini(&brokers);
	return err;
}
